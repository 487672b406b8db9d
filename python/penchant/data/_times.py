"""Times of every kind that tables hold, as microseconds since 1970-01-01 UTC."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _core
from ..errors import InvalidArgumentError
from ._frames import _NO_ONE_TYPE, Column
from ._ids import is_missing, plain_type, string_buffers

__all__ = ["UNKNOWN", "duration_micros", "duration_text", "moment", "read_times", "time_micros"]

UNKNOWN = np.iinfo(np.int64).min
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_DAY = 86_400_000_000
# The whole years that nanoseconds in 64 bits can hold, as pandas does.
_FIRST = -9_214_560_000_000_000  # 1678-01-01
_END = 9_214_646_400_000_000  # 2262-01-01
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}  # microseconds in one; ns by division

_NOT_ISO = "time is not ISO 8601"
_OUTSIDE = "time is outside the years 1678 to 2261 (is time_unit right?)"


def _scaled(numbers: np.ndarray, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Whole `unit`s as microseconds, and which lie outside the years we take."""
    if unit == "ns":
        return numbers // 1_000, np.zeros(len(numbers), bool)
    scale = _UNITS[unit]
    outside = (numbers < _FIRST // scale) | (numbers >= -(-_END // scale))
    return np.where(outside, 0, numbers) * scale, outside


def _from_floats(numbers: np.ndarray, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Unix times with fractions, to the nearest microsecond."""
    scale = 1e-3 if unit == "ns" else float(_UNITS[unit])
    with np.errstate(over="ignore", invalid="ignore"):
        micros = np.round(numbers * scale)
        outside = ~((micros >= _FIRST) & (micros < _END))
    return np.where(outside, 0.0, micros).astype(np.int64), outside


def _object_time(value: Any, unit: str) -> tuple[int, str]:
    """Microseconds of one Python value, or the reason why there are none."""
    if is_missing(value):
        return UNKNOWN, "time is null"
    try:
        if isinstance(value, str):
            return int(_core.parse_timestamp(value)), ""
        if isinstance(value, (dt.datetime, dt.date, np.datetime64)):
            return time_micros(value, "time"), ""
    except (ValueError, UnicodeEncodeError, OverflowError):
        return UNKNOWN, _NOT_ISO
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        return UNKNOWN, f"time is a {type(value).__name__}"
    if isinstance(value, (int, np.integer)):
        whole = int(value) // 1_000 if unit == "ns" else int(value) * _UNITS[unit]
        return (whole, "") if _FIRST <= whole < _END else (UNKNOWN, _OUTSIDE)
    micros, outside = _from_floats(np.array([float(value)]), unit)
    return (UNKNOWN, _OUTSIDE) if outside[0] else (int(micros[0]), "")


def _from_objects(values: np.ndarray, unit: str) -> tuple[np.ndarray, list[tuple[np.ndarray, str]]]:
    micros = np.full(len(values), UNKNOWN, np.int64)
    where: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        micros[row], reason = _object_time(value, unit)
        if reason:
            where.setdefault(reason, []).append(row)
    faults = []
    for reason, rows in where.items():
        mask = np.zeros(len(values), bool)
        mask[rows] = True
        faults.append((mask, reason))
    return micros, faults


def _from_array(array: pa.Array, unit: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Microseconds, the mask of those that are none, and why."""
    kind = array.type
    if pa.types.is_null(kind):
        return np.full(len(array), UNKNOWN, np.int64), np.zeros(len(array), bool), _OUTSIDE
    if pa.types.is_large_string(kind):
        micros = _core.parse_times(*string_buffers(array))
        return micros, micros == UNKNOWN, _NOT_ISO
    if pa.types.is_floating(kind):
        numbers = array.cast(pa.float64()).fill_null(0).to_numpy(zero_copy_only=False)
        return *_from_floats(numbers, unit), _OUTSIDE
    if pa.types.is_uint64(kind):
        # Times beyond a signed 64-bit number are outside the years in every unit but the last.
        numbers = array.fill_null(0).to_numpy(zero_copy_only=False)
        large = numbers > np.iinfo(np.int64).max
        micros, outside = _scaled(np.where(large, 0, numbers).astype(np.int64), unit)
        return micros, outside | large, _OUTSIDE
    if pa.types.is_date32(kind):
        days = array.cast(pa.int32()).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        outside = (days < _FIRST // _DAY) | (days >= _END // _DAY)
        return np.where(outside, 0, days) * _DAY, outside, _OUTSIDE
    if pa.types.is_timestamp(kind):
        unit = kind.unit  # values are UTC, or naive and read as UTC
    elif pa.types.is_date64(kind):
        unit = "ms"
    elif not pa.types.is_integer(kind):
        raise InvalidArgumentError(
            f"the time column holds {kind}; give times, dates, ISO 8601 texts or Unix time"
        )
    numbers = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return *_scaled(numbers, unit), _OUTSIDE


def read_times(column: Column, unit: str) -> tuple[np.ndarray, list[tuple[np.ndarray, str]]]:
    """Read a column of times.

    Parameters
    ----------
    column
        Timestamps (aware: converted; naive: UTC), dates, ISO 8601 texts, or Unix time [n].
    unit
        Of numbers: "s", "ms", "us" or "ns".

    Returns
    -------
    tuple
        Microseconds since 1970 UTC, int64 [n], and masks [n] of bad rows, each with its reason.
    """
    if unit not in _UNITS:
        raise InvalidArgumentError(f"time_unit is one of {', '.join(_UNITS)}, not {unit!r}")
    array = _time_array(column)
    if array is None:
        micros, faults = _from_objects(np.asarray(column), unit)
        null = np.zeros(len(micros), bool)
    else:
        micros, bad, reason = _from_array(array, unit)
        null = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        faults = [(null, "time is null"), (bad & ~null, reason)]
    outside = ((micros < _FIRST) | (micros >= _END)) & (micros != UNKNOWN) & ~null
    faults.append((outside, _OUTSIDE))
    return micros, [(mask, text) for mask, text in faults if mask.any()]


def _time_array(column: Column) -> pa.Array | None:
    """The column as an Arrow array; None where each object must be looked at."""
    if not isinstance(column, np.ndarray):
        return plain_type(column)
    try:
        array = plain_type(pa.array(column, from_pandas=True))
    except (*_NO_ONE_TYPE, TypeError):  # the last: of a first numpy.datetime64 in days
        return None
    # What Arrow makes of Python's own times depends on the first of them.
    plain = pa.types.is_large_string(array.type) or pa.types.is_null(array.type)
    return array if plain else None


def time_micros(value: Any, what: str) -> int:
    """One moment (ISO 8601 text, datetime, date or numpy.datetime64) as microseconds.

    Raises
    ------
    InvalidArgumentError
        On anything else, numbers included: their unit would be a guess.
    """
    if isinstance(value, str):
        return int(_core.parse_timestamp(value))
    if isinstance(value, dt.datetime) and not is_missing(value):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
        return (aware - _EPOCH) // _MICROSECOND
    if isinstance(value, dt.date) and not is_missing(value):
        return (value - _EPOCH.date()).days * _DAY
    if isinstance(value, np.datetime64) and not np.isnat(value):
        return int(value.astype("datetime64[us]").astype(np.int64))
    raise InvalidArgumentError(
        f"{what}: {value!r} is not a time; give ISO 8601 text like '2011-11-12', or a datetime"
    )


def moment(micros: int) -> dt.datetime:
    """Microseconds since 1970 as an aware datetime in UTC."""
    return _EPOCH + dt.timedelta(microseconds=micros)


def duration_micros(value: Any, what: str) -> int:
    """Microseconds of '28d', a timedelta or a numpy.timedelta64; longer than nothing.

    Raises
    ------
    InvalidArgumentError
        On anything else.
    """
    micros = 0
    if isinstance(value, str):
        try:
            micros = int(_core.parse_duration(value))
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"{what}: {error}") from None
    elif isinstance(value, dt.timedelta) and not is_missing(value):
        micros = value // _MICROSECOND
    elif isinstance(value, np.timedelta64) and not np.isnat(value):
        micros = int(value.astype("timedelta64[us]").astype(np.int64))
    else:
        raise InvalidArgumentError(
            f"{what}: {value!r} is not a duration; give text like '28d' or a timedelta"
        )
    if micros <= 0:
        raise InvalidArgumentError(f"{what}: {value!r} is not longer than nothing")
    return micros


def duration_text(micros: int) -> str:
    """'60d' for 60 days: the largest unit that divides."""
    for unit, size in (("d", _DAY), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000)):
        if micros % size == 0:
            return f"{micros // size}{unit}"
    return f"{micros / 1000:g}ms"
