"""helpers.data: every complaint, and splits that are disjoint, stratified and repeatable."""

import random
import re
import tracemalloc

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from helpers.data import (
    DataError,
    check_texts,
    clean,
    deduplicate,
    fingerprint,
    load_reviews,
    read_file,
    read_tables,
    tidy,
    two_columns,
)
from helpers.files import ROOT


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
        ([*many(), ("", "good")], {}, "Review 60 is empty"),
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
        ("text,label\ntrès bon,1\n".encode("latin-1"), "not utf8 text: name its encoding"),
        (b"", "not a readable file"),
        (b'text,label\n"open,1\n', "not a readable file"),
        (b"text,label\n", "one label only"),
        (b"text,label\ngood, film 1,pos\nbad, film 2,neg\n", "more fields than the 2 columns"),
        (b"text,label\nfine,pos\ngood, film 1,pos\n", "(?s)Expected 2 fields in line 3.*in quotes"),
        (b"text,label\nfine,pos,17\nbad,neg,3\n", "more fields than the 2 columns"),
        (b"text,label,label\nfine,pos,1\n", "two columns of one name"),
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
        (["a", None], "Review 1 is empty"),
        (["a", float("nan")], "Review 1 is empty"),
        (["a", "b", "\n"], "Review 2 is empty"),
        (["a", 7], "Review 1 is int, not text"),
        (None, "not a NoneType"),
        ({"text": "good"}, "not a dict"),
        (pd.DataFrame({"text": ["good"]}), "not a DataFrame: of a table, name one column"),
        (["a", "\ud83d half"], "Review 1 holds half a character"),
    ],
)
def test_check_texts(texts, message):
    with pytest.raises(DataError, match=message):
        check_texts(texts)


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


def parts_of(source, **options):
    parts = load_reviews(source, (40, 10, 10), **options)
    names = parts["train"].features["label"].names
    return {row["text"]: names[row["label"]] for part in parts.values() for row in part}


@pytest.mark.parametrize(
    "name, write",
    [
        ("own.csv", lambda table, path: table.to_csv(path, index=False)),
        ("own.csv.gz", lambda table, path: table.to_csv(path, index=False)),
        ("own.tsv", lambda table, path: table.to_csv(path, index=False, sep="\t")),
        ("semicolons.csv", lambda table, path: table.to_csv(path, index=False, sep=";")),
        ("own.jsonl", lambda table, path: table.to_json(path, orient="records", lines=True)),
        ("own.jsonl.gz", lambda table, path: table.to_json(path, orient="records", lines=True)),
    ],
)
def test_formats(tmp_path, name, write):
    table = pd.DataFrame(many(), columns=["text", "label"])
    write(table, tmp_path / name)
    assert parts_of(tmp_path / name) == parts_of(table) == dict(many())


def test_separator_encoding_and_spaces_in_the_header(tmp_path):
    path = tmp_path / "own.csv"
    rows = "".join(f"tr\u00e8s bon, {text}|{label}\n" for text, label in many())
    path.write_text(" text| label\n" + rows, "latin-1")
    found = parts_of(path, separator="|", encoding="latin-1")
    assert found["tr\u00e8s bon, review number 3"] == "good" and len(found) == 60


@pytest.mark.parametrize("name", ["own.xlsx", "own.parquet", "own.json"])
def test_other_formats_say_what_to_do(tmp_path, name):
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(DataError, match=r"is not CSV, TSV or JSON lines.*load_reviews\(frame\)"):
        load_reviews(tmp_path / name)


def test_own_parts_stay_apart(tmp_path):
    train, test = many(80), [(f"unseen {row}", ("bad", "good")[row % 2]) for row in range(20)]
    train += test[:3]  # a leak
    sources = {"train": csv(tmp_path, train), "test": pd.DataFrame(test, columns=["text", "label"])}
    with pytest.warns(UserWarning, match="parts test. 3 texts .* are left out"):
        parts = load_reviews(sources, (0.8, 0.1, 0.1))
    assert set(parts["test"]["text"]) == {text for text, _ in test}
    assert not set(parts["train"]["text"]) & set(parts["test"]["text"])
    assert [len(parts[part]) for part in ("train", "validation", "test")] == [72, 8, 20]
    with pytest.warns(UserWarning):
        small = load_reviews(sources, (40, 10, 10))
    assert [len(part) for part in small.values()] == [40, 10, 10]
    with pytest.raises(DataError, match="at least train"):
        load_reviews({"test": sources["test"]})


def hub(monkeypatch, **parts):
    """The hub gives a data set with these parts, as the library would."""
    label = ClassLabel(names=["neg", "pos"])
    features = Features({"text": Value("string"), "label": label})
    made = {part: Dataset.from_dict({"text": [text for text, _ in rows],
                                     "label": [label for _, label in rows]}, features)
            for part, rows in parts.items()}  # fmt: skip
    monkeypatch.setattr("helpers.data.load_dataset", lambda name: DatasetDict(made))


def test_official_parts_of_the_hub_are_kept(monkeypatch):
    rows = [(f"review {row}", row % 2) for row in range(200)]
    hub(monkeypatch, train=rows[:150], test=rows[150:], unsupervised=[("no label", -1)])
    with pytest.warns(UserWarning, match="Kept as they are: the parts test"):
        parts = load_reviews("somebody/reviews")
    assert set(parts["test"]["text"]) == {text for text, _ in rows[150:]}
    assert len(parts["train"]) + len(parts["validation"]) == 150


def test_hidden_labels_are_left_out_and_said(monkeypatch):
    rows = [(f"review {row}", row % 2) for row in range(100)]
    hub(monkeypatch, train=rows, test=[(f"hidden {row}", -1) for row in range(50)])
    with pytest.warns(UserWarning, match=r"test part are hidden \(-1\): left out"):
        parts = load_reviews("somebody/reviews")
    assert sum(map(len, parts.values())) == 100


@pytest.mark.parametrize(
    "one, other",
    [("good film \U0001f44d", "good film \U0001f44e"), ("so so :)", "so so :("),
     ("\u0915\u093f", "\u0915\u0940")],
)  # fmt: skip
def test_what_carries_meaning_makes_no_copy(one, other):
    table = pd.DataFrame({"text": [one, other], "label": [1, 0]})
    assert len(deduplicate(table)) == 2


def test_stars_are_in_the_order_of_their_size(tmp_path):
    rows = [(f"review number {row}", str(row % 10 + 1)) for row in range(200)]
    parts = load_reviews(csv(tmp_path, rows))
    assert parts["train"].features["label"].names == [str(star) for star in range(1, 11)]


def test_whole_floats_are_counts(tmp_path):
    parts = load_reviews(csv(tmp_path, many()), (40.0, 10.0, 10))
    assert [len(part) for part in parts.values()] == [40, 10, 10]
    with pytest.raises(DataError, match="three counts or three fractions"):
        load_reviews(csv(tmp_path, many()), (40.5, 10, 9.5))
    with pytest.raises(DataError, match="three counts or three fractions"):
        load_reviews(csv(tmp_path, many()), (40, 0.1, 10))


def test_when_all_copies_clash(tmp_path):
    with pytest.raises(DataError, match="^0 different reviews"):
        load_reviews(csv(tmp_path, [("copy", "bad"), ("copy", "good")] * 30))


def test_a_rare_label_is_said(tmp_path):
    rows = [(f"review number {row}", "spam" if row % 40 == 0 else "ham") for row in range(400)]
    with pytest.warns(UserWarning, match="have the label 'spam': weigh the labels"):
        load_reviews(csv(tmp_path, rows))


def test_any_iterable_of_texts():
    assert check_texts(text for text in ("a", "b")) == ["a", "b"]
    assert check_texts(pd.Series(["a"])) == ["a"]


def test_a_large_file_shows_its_progress_and_is_in_memory_but_once(tmp_path, monkeypatch):
    """Beside the table read and the one made of it, no copy of the texts in Python's memory."""
    shown = []
    monkeypatch.setattr("helpers.data.progress", lambda rows, name, **_: shown.append(name) or rows)
    rows = [(f"{row} " + "a fine film " * 400, "ab"[row % 2]) for row in range(8000)]
    path = csv(tmp_path, rows)  # 38 MB
    tables, _ = read_tables(path, "text", "label")
    assert shown == ["reading", "cleaning", "comparing"] and len(tables["train"]) == 8000
    raw = two_columns(read_file(path), "It", "text", "label")
    tracemalloc.start()
    tidy(raw)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 40e6


def test_cleaned_once_in_a_process(monkeypatch):
    load_reviews("rotten_tomatoes", (60, 20, 20))
    monkeypatch.setattr("helpers.data.tidy", None)  # calling it is a TypeError
    assert len(load_reviews("rotten_tomatoes", (60, 20, 20))["train"]) == 60


# What notebooks 00 to 06 ask for.
EARLIER = {"rotten_tomatoes": [(300, 200, 400), (2000, 500, 1000), (1500, 500, 1000)],
           "imdb": [(100, 100, 500), (20000, 2000, 2500)]}  # fmt: skip


@pytest.mark.parametrize("source", EARLIER)
def test_the_course_split_is_untouched_by_earlier_notebooks(source):
    """Its test reviews were read by none of them, and no review stands in two parts."""
    parts = load_reviews(source, sizes="course")
    texts = {part: set(rows["text"]) for part, rows in parts.items()}
    sizes = {"rotten_tomatoes": (2000, 500, 2000), "imdb": (400, 100, 1500)}
    assert tuple(map(len, texts.values())) == sizes[source]  # no text twice
    assert not texts["train"] & texts["validation"]
    assert not texts["test"] & (texts["train"] | texts["validation"])
    for sizes in EARLIER[source]:
        earlier = load_reviews(source, sizes=sizes)
        seen = ("train", "validation") if max(sizes) == 20000 else earlier  # what ReviewBERT read
        assert not texts["test"] & {text for part in seen for text in earlier[part]["text"]}
    assert [sum(rows["label"]) * 2 for rows in parts.values()] == pytest.approx(
        [len(rows) for rows in parts.values()], abs=2
    )


def test_the_course_split_is_of_built_in_sets():
    with pytest.raises(DataError, match="sizes='course' is for rotten_tomatoes and imdb"):
        load_reviews(pd.DataFrame({"text": ["a", "b"], "label": [0, 1]}), sizes="course")


def test_what_earlier_notebooks_ask_for():
    """So that the list above stays true."""
    for path in sorted((ROOT / "notebooks").glob("0[0-6]_*.ipynb")):
        for source, sizes in re.findall(
            r'load_reviews\("(\w+)", (?:sizes=)?\(([\d, ]+)\)',
            path.read_text("utf8").replace("\\", ""),
        ):
            asked = tuple(int(size) for size in sizes.split(","))
            assert asked in EARLIER[source], path.name
