"""Frames of records as the core takes them: columns of texts, times, event ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ..data._frames import Arrays, Source, Table
from ..data._ids import id_values, string_buffers
from ..data._times import read_times
from ..errors import InvalidArgumentError

__all__ = ["Records", "Texts", "read_records", "source_of", "text_array"]

# Namespace, offsets int64 [n + 1], bytes uint8.
Texts = tuple[str, np.ndarray, np.ndarray]


@dataclass
class Records:
    """Columns of one length.

    Attributes
    ----------
    identifiers
        A column of texts for each column of the frame that holds identifiers; empty texts where
        there is none.
    times
        Microseconds [n] int64, or None.
    skip
        Rows [n] bool to leave out, or None.
    events
        Ids of the records, or None.
    dropped
        How many rows or values were left out, by reason.
    """

    identifiers: list[Texts]
    times: np.ndarray | None = None
    skip: np.ndarray | None = None
    events: Texts | None = None
    dropped: dict[str, int] = field(default_factory=dict)


def text_array(offsets: np.ndarray, data: np.ndarray, known: np.ndarray) -> pa.Array:
    """Make Arrow texts of what the core gives, null where `known` is 0."""
    present = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.LargeStringArray.from_buffers(
        len(known), pa.py_buffer(offsets), pa.py_buffer(data), null_bitmap=present
    )


def source_of(frame: Any) -> Source:
    """See a frame, or one record as a dict of values, by column.

    Raises
    ------
    InvalidArgumentError
        When it is neither, or the dict is empty.
    """
    if not isinstance(frame, Mapping):
        return Table(frame)
    if not frame:
        raise InvalidArgumentError("a record without any value")
    return Arrays({name: [value] for name, value in frame.items()})


def _texts(source: Source, column: str, name_space: str, dropped: dict[str, int]) -> Texts:
    values, faults = id_values(source.column(column, name_space), column)
    for mask, reason in faults:
        dropped[reason] = dropped.get(reason, 0) + int(mask.sum())
    if not pa.types.is_large_string(values.type):
        values = values.cast(pa.large_string())
    if values.null_count:
        values = values.fill_null("")
    return (name_space, *string_buffers(values))


def _columns(
    source: Source, names: Sequence[str], columns: Mapping[str, str] | Sequence[str] | None
) -> dict[str, str]:
    """Columns of identifiers, each with its namespace."""
    if columns is None:
        found = {name: name for name in source.columns if name in names}
        if not found:
            raise InvalidArgumentError(
                f"no column is named like a namespace ({', '.join(names)}); the frame's columns "
                f"are: {', '.join(map(repr, source.columns)) or 'none'}. Name them: "
                "columns={'EMAIL_ADDR': 'email'}"
            )
        return found
    chosen = (
        dict(columns) if isinstance(columns, Mapping) else {column: column for column in columns}
    )
    for column, name_space in chosen.items():
        if name_space not in names:
            raise InvalidArgumentError(
                f"column {column!r}: no namespace {name_space!r}; there are {', '.join(names)}"
            )
    if not chosen:
        raise InvalidArgumentError("columns names no column of identifiers")
    return chosen


def optional_column(source: Source, given: str | None, usual: str) -> str | None:
    """Name a column: the one asked for, or the usual one when the frame has it."""
    if given is not None:
        return given
    return usual if usual in source.columns else None


def read_records(
    source: Source,
    names: Sequence[str],
    columns: Mapping[str, str] | Sequence[str] | None,
    time: str | None,
    event: str | None,
    time_unit: str,
) -> Records:
    """Read what `Identity.link` needs of a frame.

    Raises
    ------
    InvalidArgumentError
        On a column that is not there, or of a type that can't hold ids or times.
    """
    dropped: dict[str, int] = {}
    chosen = _columns(source, names, columns)
    out = Records(
        [_texts(source, column, space, dropped) for column, space in chosen.items()],
        dropped=dropped,
    )
    at = optional_column(source, time, "time")
    if at is not None:
        out.times, faults = read_times(source.column(at, "time"), time_unit)
        for mask, reason in faults:
            dropped[reason] = int(mask.sum())
            out.skip = mask if out.skip is None else out.skip | mask
    at = optional_column(source, event, "event_id")
    if at is not None:
        out.events = _texts(source, at, "event", dropped)
    return out


def read_identifiers(
    source: Source, names: Sequence[str], columns: Mapping[str, str] | Sequence[str] | None
) -> list[Texts]:
    """Read the columns of identifiers alone, for `Identity.resolve`."""
    chosen = _columns(source, names, columns)
    return [_texts(source, column, space, {}) for column, space in chosen.items()]
