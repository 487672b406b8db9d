"""External ids to dense codes: only the distinct ids reach the core."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import _core
from ..errors import InvalidArgumentError
from ._frames import _NO_ONE_TYPE, Column

__all__ = ["Encoded", "encode", "id_values", "is_missing", "plain_type", "string_buffers"]

_EXACT_FLOAT = 2**53  # beyond, neighbouring integers share a float


@dataclass
class Encoded:
    """A column of ids as codes.

    Attributes
    ----------
    ids
        The distinct ids, sorted.
    index
        Code of each row, int32 [n]; -1 where there is no id.
    missing
        Masks [n] of rows without an id, each with its reason.
    faults
        Masks [n] of rows whose id can't be one, each with its reason.
    """

    ids: _core.IdMap
    index: np.ndarray
    missing: list[tuple[np.ndarray, str]] = field(default_factory=list)
    faults: list[tuple[np.ndarray, str]] = field(default_factory=list)


def is_missing(value: Any) -> bool:
    """None, NaN, NaT and pandas.NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    return isinstance(value, np.datetime64) and bool(np.isnat(value))


def plain_type(array: pa.Array) -> pa.Array:
    """Dictionary and run-end encodings resolved, string types widened to large_string."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    return array


def string_buffers(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Offsets int64 [n + 1] and bytes uint8 behind a large_string array, without a copy."""
    _, offsets, data = array.buffers()
    at = array.offset
    all_offsets = np.frombuffer(offsets, np.int64) if offsets else np.zeros(1, np.int64)
    text = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    return all_offsets[at : at + len(array) + 1], text


def _mask(values: pa.Array) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False).astype(bool, copy=False)


def _from_floats(array: pa.Array, role: str) -> tuple[pa.Array, list[tuple[np.ndarray, str]]]:
    """Floats without a fraction are integers: so pandas holds integers with gaps."""
    numbers = array.cast(pa.float64()).fill_null(math.nan).to_numpy(zero_copy_only=False)
    missing = np.isnan(numbers)
    infinite = np.isinf(numbers)
    with np.errstate(invalid="ignore"):
        large = ~infinite & (np.abs(numbers) > _EXACT_FLOAT)
        fraction = ~missing & ~infinite & ~large & (numbers != np.floor(numbers))
    faults = [
        (infinite, f"{role} is infinite"),
        (large, f"{role} is a float too large to be an exact integer"),
        (fraction, f"{role} is a number with a fraction"),
    ]
    bad = missing | infinite | large | fraction
    integers = np.where(bad, 0.0, numbers).astype(np.int64)
    return pa.array(integers, mask=bad), faults


def _object_id(value: Any, role: str) -> tuple[str | int | None, str]:
    """The id that one Python value stands for, or the reason why none."""
    if is_missing(value):
        return None, ""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return None, f"{role} is not valid Unicode"
        return str(value), ""
    if isinstance(value, (bool, np.bool_)):
        return None, f"{role} is a boolean"
    if isinstance(value, (int, np.integer)):
        return int(value), ""
    if isinstance(value, (float, np.floating)):
        if math.isinf(value):
            return None, f"{role} is infinite"
        if abs(float(value)) > _EXACT_FLOAT:
            return None, f"{role} is a float too large to be an exact integer"
        if value != math.floor(value):
            return None, f"{role} is a number with a fraction"
        return int(value), ""
    return None, f"{role} is a {type(value).__name__}, neither a string nor an integer"


def _from_objects(values: np.ndarray, role: str) -> tuple[pa.Array, list[tuple[np.ndarray, str]]]:
    """Look at each value; where strings are among them, integers become their decimal text."""
    found: list[str | int | None] = []
    where: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        external, reason = _object_id(value, role)
        found.append(external)
        if reason:
            where.setdefault(reason, []).append(row)
    if any(isinstance(external, str) for external in found):
        array = pa.array(
            [None if external is None else str(external) for external in found], pa.large_string()
        )
    else:
        for row, external in enumerate(found):
            if external is not None and not -(2**63) <= int(external) < 2**63:
                found[row] = None
                where.setdefault(f"{role} is an integer beyond 64 bits", []).append(row)
        array = pa.array(found, pa.int64())
    faults = []
    for reason, rows in where.items():
        mask = np.zeros(len(values), bool)
        mask[rows] = True
        faults.append((mask, reason))
    return array, faults


def id_values(column: Column, role: str) -> tuple[pa.Array, list[tuple[np.ndarray, str]]]:
    """The column as int64 or large_string with nulls, and what could not be an id."""
    if isinstance(column, np.ndarray):
        try:
            array = plain_type(pa.array(column, from_pandas=True))
        except _NO_ONE_TYPE:
            return _from_objects(column, role)
        if not (
            pa.types.is_large_string(array.type)
            or pa.types.is_integer(array.type)
            or pa.types.is_null(array.type)
        ):
            return _from_objects(column, role)
    else:
        array = plain_type(column)
    kind = array.type
    if pa.types.is_large_string(kind):
        return array, []
    if pa.types.is_null(kind):
        return array.cast(pa.large_string()), []
    if pa.types.is_boolean(kind):
        bad = _mask(array.is_valid())
        return pa.nulls(len(array), pa.int64()), [(bad, f"{role} is a boolean")]
    if pa.types.is_uint64(kind):
        large = pc.fill_null(pc.greater(array, pa.scalar(2**63 - 1, pa.uint64())), False)
        array = pc.if_else(large, pa.scalar(None, kind), array).cast(pa.int64())
        return array, [(_mask(large), f"{role} is an integer beyond 64 bits")]
    if pa.types.is_integer(kind):
        return array.cast(pa.int64()), []
    if pa.types.is_floating(kind):
        return _from_floats(array, role)
    raise InvalidArgumentError(
        f"the {role} column holds {kind}; ids are strings or integers, so convert it to either"
    )


def _close_together(array: pa.Array) -> tuple[np.ndarray, np.ndarray] | None:
    """The distinct integers, ascending, and the code of each row, where they lie close together.

    None where a table of all from the smallest to the largest is longer than four times the rows.
    """
    if not pa.types.is_integer(array.type) or array.null_count or not len(array):
        return None
    numbers = array.to_numpy()
    low = int(numbers.min())
    if int(numbers.max()) - low >= 4 * len(numbers):
        return None
    offsets = numbers - low if low else numbers
    there = np.zeros(int(offsets.max()) + 1, bool)
    there[offsets] = True
    rank = np.cumsum(there, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(there) + low, rank[offsets]


def encode(column: Column, role: str) -> Encoded:
    """Encode a column of ids.

    Parameters
    ----------
    column
        Strings, integers, floats without fractions, categories or objects [n].
    role
        "subject", "item", ...: what reasons and errors call it.

    Raises
    ------
    InvalidArgumentError
        When the column's type as a whole can't hold ids (times, lists, bytes, ...).
    """
    array, faults = id_values(column, role)
    close = _close_together(array)
    if close is not None:
        integers, index = close
        return Encoded(_core.IdMap.from_sorted_integers(integers), index)
    coded = array.dictionary_encode()
    distinct = coded.dictionary
    order = pc.array_sort_indices(distinct).to_numpy()
    rank = np.empty(len(order) + 1, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    rank[-1] = -1
    codes = coded.indices.fill_null(len(order)) if coded.null_count else coded.indices
    index = rank[codes.to_numpy(zero_copy_only=False)]
    distinct = distinct.take(pa.array(order))
    absent = index < 0
    for bad, _ in faults:
        absent &= ~bad
    missing = [(absent, f"{role} is null")]
    if pa.types.is_large_string(distinct.type):
        ids = _core.IdMap.from_sorted_strings(*string_buffers(distinct))
        # "" is how text files write "nobody"; it sorts first.
        if len(ids) and distinct[0].as_py() == "":
            missing.append((index == 0, f"{role} is an empty string"))
    else:
        ids = _core.IdMap.from_sorted_integers(distinct.to_numpy(zero_copy_only=False))
    return Encoded(
        ids,
        index,
        [(mask, reason) for mask, reason in missing if mask.any()],
        [(mask, reason) for mask, reason in faults if mask.any()],
    )
