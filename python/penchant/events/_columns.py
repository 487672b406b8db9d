"""A frame's columns in the forms that the core reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..data._frames import _NO_ONE_TYPE, Column, Source
from ..data._ids import is_missing, plain_type, string_buffers
from ..data._times import read_times
from ..errors import InvalidArgumentError

__all__ = ["Read", "frame_columns"]

_ENVELOPE = ("event_id", "type", "version", "time", "received", "subject", "item")
_NO_TIME = np.iinfo(np.int64).max  # outside the years that are taken


@dataclass(frozen=True)
class Read:
    """Columns for the core, and which of the frame's they came from."""

    columns: list[dict[str, Any]]
    used: set[str]


def _kinds(declared: dict[str, Any]) -> dict[str, str]:
    """Kind by name of every declared field, as columns are called."""
    out: dict[str, str] = {}
    for name, field in declared.get("context", {}).items():
        out[f"context.{name}"] = field["kind"]
    for one in declared["types"]:
        for name, field in one.get("fields", {}).items():
            if field["kind"] != "lines":
                out[name] = field["kind"]
            for part, nested in field.get("fields", {}).items():
                out.setdefault(part, nested["kind"])
    return out


def frame_columns(
    source: Source, declared: dict[str, Any], names: dict[str, str], time_unit: str
) -> Read:
    """Read every column of a frame that an event has a member for, and the others as they are.

    Parameters
    ----------
    source
        The frame.
    declared
        The taxonomy, as `Taxonomy.to_dict` has it.
    names
        Member to column, where they differ.
    time_unit
        Of times that are numbers.
    """
    kinds = _kinds(declared)
    roles = {**{name: name for name in source.columns}, **names}
    if "lines" in source.columns:
        raise InvalidArgumentError(
            "a frame has a row a line: explode its column 'lines' first, so that 'item', "
            "'quantity' and 'price' are columns"
        )
    for name in names:
        if not (name in _ENVELOPE or name in kinds or name.startswith("identifiers.")):
            known = ", ".join((*_ENVELOPE, *sorted(kinds)))
            raise InvalidArgumentError(f"columns: no member {name!r}; there are {known}")
    renamed = set(names.values()) - set(names)
    columns = []
    used = set(names.values())
    for member, column in roles.items():
        if member == column and member in renamed and member not in kinds:
            continue  # it is another member already
        as_time = member in ("time", "received") or kinds.get(member) == "time"
        if member in _ENVELOPE or member in kinds or member.startswith("identifiers."):
            used.add(column)
        values = source.column(column, member)
        is_text = kinds.get(member, "text") == "text"
        read = _as_time(values, time_unit) if as_time else _as_cells(values, is_text)
        if read is not None:
            columns.append({"name": member, **read})
    return Read(columns, used)


def _valid(array: pa.Array) -> dict[str, Any]:
    if not array.null_count:
        return {}
    return {"valid": array.is_valid().to_numpy(zero_copy_only=False).view(np.uint8)}


def _as_time(column: Column, unit: str) -> dict[str, Any] | None:
    """Texts as they are, for the core reads them; all else as microseconds."""
    if isinstance(column, pa.Array):
        array = plain_type(column)
        if pa.types.is_large_string(array.type) or pa.types.is_null(array.type):
            return _as_cells(column)
    try:
        micros, faults = read_times(column, unit)
    except InvalidArgumentError:
        return _broken(len(column), _present(column))
    valid = np.ones(len(micros), np.uint8)
    for mask, reason in faults:
        if reason == "time is null":
            valid[mask] = 0
        else:
            micros = np.where(mask, _NO_TIME, micros)
    return {"kind": "time", "integers": micros, "valid": valid}


def _present(column: Column) -> np.ndarray:
    if isinstance(column, pa.Array):
        return column.is_valid().to_numpy(zero_copy_only=False)
    return np.array([not is_missing(value) for value in column], bool)


def _broken(rows: int, mask: np.ndarray, **cells: Any) -> dict[str, Any]:
    """Values that are there, but of a kind that no field has."""
    cells = cells or {"kind": "boolean", "integers": np.zeros(rows, np.int64), "valid": mask}
    if "valid" in cells:
        cells["valid"] = np.asarray(cells["valid"], np.uint8)
    return {**cells, "broken": np.asarray(mask, np.uint8)}


def _as_text(array: pa.Array) -> dict[str, Any]:
    if pa.types.is_dictionary(array.type):
        codes = array.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
        offsets, data = string_buffers(array.dictionary.cast(pa.large_string()))
        return {"kind": "text", "codes": codes, "offsets": offsets, "bytes": data}
    offsets, data = string_buffers(array.cast(pa.large_string()))
    return {"kind": "text", "offsets": offsets, "bytes": data, **_valid(array)}


def _as_amount(array: pa.Array) -> dict[str, Any]:
    """Arrow's decimals: 128 bits, of which 64 must do once there are six places."""
    scale = array.type.scale
    if scale > 6:
        array = pc.round(array, ndigits=6, round_mode="half_towards_infinity")
    try:
        array = array.cast(pa.decimal128(38, 6))
    except pa.ArrowInvalid:
        return _as_number(array)
    halves = np.frombuffer(array.buffers()[1], np.int64).reshape(-1, 2)
    halves = halves[array.offset : array.offset + len(array)]
    low, high = halves[:, 0].copy(), halves[:, 1]
    # Too large: the number that is no amount.
    low[high != (low >> 63)] = np.iinfo(np.int64).min
    return {"kind": "amount", "integers": low, **_valid(array)}


def _as_number(array: pa.Array) -> dict[str, Any]:
    numbers = array.cast(pa.float64(), safe=False)
    filled = numbers.fill_null(np.nan) if numbers.null_count else numbers
    return {"kind": "number", "numbers": filled.to_numpy(zero_copy_only=False)}


def _as_integer(array: pa.Array) -> dict[str, Any]:
    filled = array.fill_null(0) if array.null_count else array
    if pa.types.is_uint64(array.type):
        numbers = filled.to_numpy(zero_copy_only=False)
        large = numbers > np.iinfo(np.int64).max
        cells = {
            "kind": "integer",
            "integers": np.where(large, 0, numbers).astype(np.int64),
            **_valid(array),
        }
        return _broken(len(array), large, **cells) if large.any() else cells
    integers = filled.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return {"kind": "integer", "integers": integers, **_valid(array)}


def _as_cells(column: Column, text: bool = True) -> dict[str, Any] | None:
    """A column of any type; None where it holds nothing at all."""
    if isinstance(column, np.ndarray):
        try:
            column = pa.array(column, from_pandas=True)
        except _NO_ONE_TYPE:
            return _from_objects(column, text)
    kind = column.type
    if pa.types.is_dictionary(kind):
        strings = pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
        if strings and not column.dictionary.null_count:
            return _as_text(column)
    array = plain_type(column)
    kind = array.type
    if pa.types.is_null(kind):
        return None
    if pa.types.is_large_string(kind):
        return _as_text(array)
    if pa.types.is_boolean(kind):
        flags = array.fill_null(False).to_numpy(zero_copy_only=False).astype(np.int64)
        return {"kind": "boolean", "integers": flags, **_valid(array)}
    if pa.types.is_integer(kind):
        return _as_integer(array)
    if pa.types.is_floating(kind):
        return _as_number(array)
    if pa.types.is_decimal128(kind):
        return _as_amount(array)
    if pa.types.is_decimal(kind):
        return _as_number(array)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _as_time(array, "us")
    return _broken(len(array), _present(array))


def _from_objects(values: np.ndarray, whole: bool) -> dict[str, Any]:
    """Look at each value: texts, and numbers as texts; where `whole`, without a fraction."""
    texts: list[str | None] = []
    broken = np.zeros(len(values), bool)
    for row, value in enumerate(values):
        if is_missing(value):
            texts.append(None)
        elif isinstance(value, str) and value.isascii():
            texts.append(value)
        elif isinstance(value, str):
            text = value.encode("utf-8", "replace").decode()
            broken[row] = text != value
            texts.append(text)
        elif isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_)):
            integer = isinstance(value, (int, np.integer)) or float(value).is_integer()
            broken[row] = whole and not integer
            texts.append(str(int(value)) if integer else repr(float(value)))
        else:
            broken[row] = True
            texts.append("?")
    cells = _as_text(pa.array(texts, pa.large_string()))
    return _broken(len(values), broken, **cells) if broken.any() else cells
