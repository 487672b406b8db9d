"""What a request says of itself, as the numbers that a plan's features take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..data._frames import Column, Table
from ..data._ids import encode
from ..errors import InvalidArgumentError

__all__ = ["MEMBERS", "SaidContexts", "context_columns", "context_values"]

# Texts of a request's context; other names are of its attributes.
MEMBERS = ("device", "page", "location")

_WHOLE_NUMBERS = 9e15  # below it doubles tell them apart


def context_columns(table: Table, asked: Sequence[tuple[str, str | None]]) -> list[np.ndarray]:
    """Read what points say: a column [points] for each context that a plan asks for.

    Raises
    ------
    InvalidArgumentError
        When a column is missing, or holds what no context can be.
    """
    return [context_values(table.column(name, _what(name)), name, text) for name, text in asked]


def context_values(column: Column, name: str, text: str | None) -> np.ndarray:
    """Numbers, or whether a value is `text` (1 or 0); not a number where nothing is said.

    A whole number as text is its digits.
    """
    array = _plain(column, name)
    kind = array.type
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan)
    if pa.types.is_boolean(kind) and text is not None:
        array = pc.if_else(array, "true", "false")
        kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        if text is None:
            raise InvalidArgumentError(
                f"the column of {_what(name)} holds texts; say which it tells apart: "
                f"context({name!r}, [...])"
            )
        known = pc.and_(pc.is_valid(array), pc.not_equal(array, ""))
        same = pc.equal(array, text).cast(pa.float64())
        return _floats(pc.if_else(known.fill_null(False), same, None))
    numbers = _floats(array)
    numbers[~np.isfinite(numbers)] = np.nan
    if text is None:
        return numbers
    told = _whole(text)
    same = np.zeros(len(numbers)) if told is None else (numbers == told).astype(float)
    return np.where(np.isnan(numbers), np.nan, same)


def _what(name: str) -> str:
    return f"context {name!r}"


def _plain(column: Column, name: str) -> pa.Array:
    """Texts, numbers, booleans or nulls."""
    array = column
    if isinstance(array, np.ndarray):
        try:
            array = pa.array(array, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            raise _no_context(name, "values of several types") from None
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.DictionaryArray):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_decimal(kind):
        return array.cast(pa.float64())
    fits = (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    )
    if not fits:
        raise _no_context(name, str(kind))
    return array


def _no_context(name: str, found: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the column of {_what(name)} holds {found}; it has to be texts, numbers or booleans"
    )


def _floats(array: pa.Array) -> np.ndarray:
    return np.array(array.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False))


def _whole(text: str) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if str(number) == text and abs(number) <= _WHOLE_NUMBERS else None


class SaidContexts:
    """What events said when they happened: the contexts that a ranker learns with.

    Parameters
    ----------
    subjects
        Whose the events are.
    times
        Microseconds, int64 [n].
    columns
        Name of a context -> its column of the events.
    """

    def __init__(self, subjects: Column, times: np.ndarray, columns: Mapping[str, Column]) -> None:
        coded = encode(subjects, "subject")
        self._ids = coded.ids
        order = np.argsort(times, kind="stable")
        self._times = times[order]
        self._of = coded.index[order]
        self._columns = {
            name: _plain(column, name).take(pa.array(order)) for name, column in columns.items()
        }

    def requests(self, begin: int, end: int, subjects: Sequence[Any]) -> list[str]:
        """As JSON what each subject's first events from `begin` to `end` (both in) say.

        Of each context that which the first event says that says anything of it.
        """
        places = np.full(len(subjects), -1)
        if len(self._ids):
            places = self._ids.find_all(np.asarray(subjects))
        said: list[dict[str, Any]] = [{} for _ in subjects]
        first, last = np.searchsorted(self._times, [begin, end + 1])
        for name, column in self._columns.items():
            part = column.slice(first, last - first)
            rows = np.flatnonzero(part.is_valid().to_numpy(zero_copy_only=False))
            people, at = np.unique(self._of[first + rows], return_index=True)
            values = dict(
                zip(people.tolist(), part.take(pa.array(rows[at])).to_pylist(), strict=True)
            )
            for context, place in zip(said, places, strict=True):
                value = values.get(int(place)) if place >= 0 else None
                if value is None or value != value:
                    continue
                if name in MEMBERS:
                    context[name] = str(value)
                else:
                    context.setdefault("attributes", {})[name] = value
        return [json.dumps({"context": one}) for one in said]
