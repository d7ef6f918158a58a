"""helpers.data: every complaint, and splits that are disjoint, stratified and repeatable."""

import random

import pandas as pd
import pytest

from helpers.data import (
    DataError,
    check_texts,
    clean,
    deduplicate,
    fingerprint,
    label_ids,
    load_reviews,
)


def csv(tmp_path, rows, columns=("text", "label")):
    path = tmp_path / "own.csv"
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


def many(size=60, labels=("bad", "good")):
    return [(f"review number {row}", labels[row % len(labels)]) for row in range(size)]


@pytest.mark.parametrize(
    "rows, options, message",
    [
        (
            many(),
            {"text_column": "review"},
            "no column 'review'; it has: text, label.*text_column=",
        ),
        (many(), {"label_column": "stars"}, "no column 'stars'; it has: text, label"),
        ([*many(), ("", "good")], {}, "Review 60 is float, not text"),
        ([*many(), (" \t", "good")], {}, "Review 60 is empty"),
        ([*many(), ("<br />&nbsp;", "good")], {}, "Review 60 is empty"),
        ([(row, "ab"[row % 2]) for row in range(60)], {}, "Review 0 is int, not text"),
        ([*many(), ("fine", None)], {}, "Row 60 .*no label"),
        (many(labels=("good",)), {}, r"one label only \(\['good'\]\)"),
        ([], {}, "one label only"),
        (many(5), {}, "too few"),
        (many(), {"sizes": (50, 10, 10)}, "60 different reviews .*too few"),
        (many(), {"sizes": (50, 9, 1)}, "too few"),
        ([("copy", "good")] * 60 + many(), {"sizes": (50, 10, 10)}, "61 different reviews"),
        (many() + [("copy", "ugly"), ("copy!", "good")], {}, None),
        (
            [(f"good {row}", "good") for row in range(60)] + [("copy", "bad"), ("copy", "good")],
            {},
            "rarest label: 0",
        ),
        (many(), {"sizes": (0.8, 0.1, 0.2)}, "must sum to 1; they sum to 1.1"),
        (many(), {"sizes": (0.9, 0.1)}, "three positive numbers"),
        (many(), {"sizes": (0.9, 0.1, 0)}, "three positive numbers"),
        (many(), {"sizes": (50, -5, 10)}, "three positive numbers"),
    ],
)
def test_complaints_about_own_csv(tmp_path, rows, options, message):
    if message is None:
        assert sum(map(len, load_reviews(csv(tmp_path, rows), **options).values())) == 60
        return
    with pytest.raises(DataError, match=message):
        load_reviews(csv(tmp_path, rows), **options)


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "no file .*check the path"),
        ("text,label\ntrès bon,1\n".encode("latin-1"), "not UTF-8.*save it as CSV"),
        (b"", "not a readable CSV"),
        (b'text,label\n"open,1\n', "not a readable CSV"),
        (b"text,label\n", "one label only"),
    ],
)
def test_unreadable_csv(tmp_path, content, message):
    if content is not None:
        (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_reviews(tmp_path / "own.csv")


def test_hub_off(no_network):
    with pytest.raises(DataError, match=r"'nobody/nothing' is neither.*load_reviews\('imdb'\)"):
        load_reviews("nobody/nothing")


@pytest.mark.parametrize(
    "texts, message",
    [
        ("one string", "not one string"),
        ([], "no reviews"),
        (["a", None], "Review 1 is NoneType"),
        (["a", float("nan")], "Review 1 is float"),
        (["a", "b", "\n"], "Review 2 is empty"),
    ],
)
def test_check_texts(texts, message):
    with pytest.raises(DataError, match=message):
        check_texts(texts)


def test_label_ids():
    assert label_ids(["good", "bad", "good"], ["bad", "good"]) == [1, 0, 1]
    with pytest.raises(DataError, match="Row 1 has the label 'god'; known are: bad, good"):
        label_ids(["good", "god"], ["bad", "good"])


def test_own_csv_with_other_columns(tmp_path):
    path = csv(
        tmp_path,
        [(number, *row) for number, row in enumerate(many(90, ("5", "1", "3")))],
        ("id", "opinion", "stars"),
    )
    parts = load_reviews(str(path), (60, 15, 15), text_column="opinion", label_column="stars")
    assert parts["train"].column_names == ["text", "label"]
    assert parts["train"].features["label"].names == ["1", "3", "5"]
    names = parts["test"].features["label"].names
    for row in parts["test"]:
        assert names[row["label"]] == ("5", "1", "3")[int(row["text"].split()[-1]) % 3]


def test_the_words_none_and_na_are_text(tmp_path):
    parts = load_reviews(csv(tmp_path, [*many(), ("None", "good"), ("NA", "bad")]))
    assert {"None", "NA"} <= {text for part in parts.values() for text in part["text"]}


@pytest.mark.parametrize(
    "raw, cleaned",
    [
        ("a<br /><BR>b<br/>c", "a b c"),
        (" a \n\t b ", "a b"),
        ("it&#39;s &lt;b&gt;", "it's <b>"),
        ("fish &amp; chips", "fish & chips"),
        ("plain", "plain"),
    ],
)
def test_clean(raw, cleaned):
    assert clean(raw) == cleaned


def test_deduplicate():
    table = pd.DataFrame(
        {"text": ["A b!", "a  B", "other", "clash", "CLASH.", "last"], "label": [1, 1, 0, 0, 1, 1]}
    )
    assert deduplicate(table)["text"].tolist() == ["A b!", "other", "last"]


@pytest.mark.parametrize(
    "source, sizes",
    [
        ("rotten_tomatoes", (500, 100, 100)),
        ("rotten_tomatoes", (0.7, 0.2, 0.1)),
        ("imdb", (0.8, 0.1, 0.1)),
    ],
)
def test_built_in_sets(source, sizes):
    parts = load_reviews(source, sizes)
    marks = [fingerprint(text) for part in parts.values() for text in part["text"]]
    assert len(marks) == len(set(marks))  # no review is in two parts, or twice in one
    positive = sum(sum(rows["label"]) for rows in parts.values()) / len(marks)
    assert 0.49 < positive < 0.51
    for rows in parts.values():
        assert abs(sum(rows["label"]) - positive * len(rows)) <= 1
        assert rows.features["label"].names == ["negative", "positive"]
        assert not any("<br" in text for text in rows["text"])
    if sizes[0] >= 1:
        assert tuple(map(len, parts.values())) == sizes


def test_the_test_set_stays(reviews):
    """Same seed, same split; and no training size changes what is tested."""
    again, small, other = (
        load_reviews("rotten_tomatoes", (train, 200, 400), seed)
        for train, seed in ((600, 0), (50, 0), (600, 1))
    )
    for part in reviews:
        assert reviews[part].to_dict() == again[part].to_dict()
        assert reviews[part].to_dict() != other[part].to_dict()
    assert reviews["test"].to_dict() == small["test"].to_dict()
    assert reviews["validation"].to_dict() == small["validation"].to_dict()


@pytest.mark.parametrize("train", [39, 40])
def test_one_row_or_none_left_over(tmp_path, train):
    parts = load_reviews(csv(tmp_path, many()), (train, 10, 10))
    assert list(map(len, parts.values())) == [train, 10, 10]
    assert all(abs(sum(rows["label"]) - len(rows) / 2) <= 0.5 for rows in parts.values())


def test_random_tables_split_or_complain(tmp_path):
    """Any table and sizes: a DataError, or parts that hold each label in proportion."""
    rng, outcomes = random.Random(0), set()
    for seed in range(80):
        labels = "abc"[: rng.choice([2, 3])]
        size, common = rng.randint(6, 60), rng.random() / 2
        rows = [
            (f"review {row}", rng.choice(labels) if rng.random() > common else "a")
            for row in range(size)
        ]
        sizes = rng.choice(
            [
                (0.8, 0.1, 0.1),
                (0.5, 0.25, 0.25),
                (rng.randint(1, size), rng.randint(1, size // 3), 4),
            ]
        )
        try:
            parts = load_reviews(csv(tmp_path, rows), sizes, seed)
        except DataError:
            outcomes.add("complaint")
            continue
        outcomes.add("split")
        texts = [text for part in parts.values() for text in part["text"]]
        assert len(texts) == len(set(texts)) <= size
        assert len(texts) == (size if sizes[0] < 1 else sum(sizes))
        for part in parts.values():
            for number, label in enumerate(part.features["label"].names):
                share = sum(row[1] == label for row in rows) / size
                assert 1 <= part["label"].count(number)
                # up to 1 row off at each of the three cuts
                assert abs(part["label"].count(number) - share * len(part)) <= 3
    assert outcomes == {"complaint", "split"}


def test_texts_without_letters_are_copies_only_if_equal():
    texts = ["!!!", "...", "!!!", "Good.", "good"]
    table = pd.DataFrame({"text": texts, "label": [1, 0, 1, 1, 1]})
    assert deduplicate(table)["text"].tolist() == ["!!!", "...", "Good."]
