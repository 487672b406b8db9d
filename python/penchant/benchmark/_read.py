"""Files of public splits: lists (``user item item …``) or columns (user, item, rating, time)."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from penchant.data.dataset import Dataset
from penchant.errors import BadDataError, InvalidArgumentError

Layout = Literal["auto", "lists", "columns"]

_SUFFIXES = ("", ".txt", ".csv", ".tsv", ".dat", ".data", ".inter")
_WHOLE = ("ratings", "u", "interactions", "events", "data")
_SEPARATOR = re.compile(r"::|[,;\t]")


def find(folder: Path, stems: tuple[str, ...]) -> Path | None:
    """Return the folder's file of one of these names, with any usual ending, packed or not."""
    for stem in stems:
        for suffix in _SUFFIXES:
            for packed in ("", ".gz"):
                path = folder / f"{stem}{suffix}{packed}"
                if path.is_file():
                    return path
    return None


def find_parts(folder: Path) -> tuple[Path, Path | None]:
    """Return the files of train and test, or one file of everything and None.

    Raises
    ------
    InvalidArgumentError
        When the folder does not exist or holds neither; the message says what was looked for.
    """
    if not folder.is_dir():
        raise InvalidArgumentError(f"{folder} is not a folder; give the one that holds the split")
    train, test = find(folder, ("train",)), find(folder, ("test",))
    if train is not None and test is not None:
        return train, test
    if train is not None or test is not None:
        there, lacking = ("train", "test") if train is not None else ("test", "train")
        raise InvalidArgumentError(
            f"{folder} holds a file of {there} but none of {lacking}; call it {lacking}.txt"
        )
    whole = find(folder, _WHOLE)
    if whole is not None:
        return whole, None
    held = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
    raise InvalidArgumentError(
        f"{folder} holds no split: it needs train.txt and test.txt with lines of "
        "'user item item …' or of user, item, rating, time, or one file of such lines "
        f"(ratings.csv, ratings.dat, u.data); found {held}"
    )


def read(path: Path, layout: Layout = "auto") -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Read a file's pairs.

    Returns
    -------
    users, items : ndarray of str [pairs]
        Ids as they are written.
    times : ndarray int64 [pairs]
        0 where the file has none.

    Raises
    ------
    BadDataError
        On a line that is neither; the message names it.
    """
    lines = [(number, line.strip()) for number, line in enumerate(_lines(path), 1) if line.strip()]
    if not lines:
        raise BadDataError(f"{path} is empty")
    first = lines[0][1]
    if layout == "auto":
        layout = "columns" if _SEPARATOR.search(first) else "lists"
    return _read_lists(path, lines) if layout == "lists" else _read_columns(path, lines)


def dataset(parts: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]) -> Dataset:
    """Make a Dataset of what `read` gives: every pair counts 1, whatever its rating."""
    users, items, times = parts
    return Dataset.from_interactions(users, items, times=times if times.any() else None)


def _lines(path: Path) -> list[str]:
    try:
        packed = path.read_bytes()
        content = gzip.decompress(packed) if path.suffix == ".gz" else packed
        return content.decode("utf-8").splitlines()
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadDataError(f"{path} is not a text file: {error}") from error


def _read_lists(path: Path, lines: list[tuple[int, str]]) -> tuple[Any, Any, Any]:
    users: list[str] = []
    items: list[str] = []
    for number, line in lines:
        user, *liked = line.split()
        if _SEPARATOR.search(line):
            raise BadDataError(f"{path}, line {number}: expected 'user item item …', not {line!r}")
        users += [user] * len(liked)
        items += liked
    if not items:
        raise BadDataError(f"{path}: no line names an item after its user")
    return np.array(users, object), np.array(items, object), np.zeros(len(items), np.int64)


def _read_columns(path: Path, lines: list[tuple[int, str]]) -> tuple[Any, Any, Any]:
    rows = [(number, re.split(r"::|[,;\t]|\s+", line)) for number, line in lines]
    if len(rows) > 1 and not _is_number(rows[0][1][-1]) and _is_number(rows[1][1][-1]):
        rows = rows[1:]  # names of columns
    times = np.zeros(len(rows), np.int64)
    for at, (number, cells) in enumerate(rows):
        if len(cells) < 2 or not cells[0] or not cells[1]:
            raise BadDataError(
                f"{path}, line {number}: expected user, item and perhaps rating and time, "
                f"not {lines[number - lines[0][0]][1]!r}"
            )
        if len(cells) > 3:
            if not _is_number(cells[3]):
                raise BadDataError(
                    f"{path}, line {number}: the time {cells[3]!r} is not a number of seconds"
                )
            times[at] = int(float(cells[3]))
    users = np.array([cells[0] for _, cells in rows], object)
    return users, np.array([cells[1] for _, cells in rows], object), times


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
