"""What an event counts: its value, its type's weight."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import InvalidArgumentError
from ._frames import _NO_ONE_TYPE, Column
from ._ids import Encoded, encode, is_missing, plain_type

__all__ = ["DEFAULT_TYPE_WEIGHTS", "read_types", "read_values", "weigh_types"]

# How much an event of a type says of what someone wants, next to a purchase. Any other type: 1.
DEFAULT_TYPE_WEIGHTS: dict[str, float] = {
    "purchase": 1.0,
    "cart": 0.4,
    "click": 0.2,
    "page_view": 0.1,
    "return": 0.0,
    "rejected": 0.0,
}
_MAX_TYPES = 256
_FLOAT32_MAX = float(np.finfo(np.float32).max)


def _object_number(value: Any) -> float | None:
    """A number, NaN for what is missing, None for what is no number."""
    if is_missing(value):
        return math.nan
    try:
        return None if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError):
        return None
    except OverflowError:
        return math.inf


def _object_numbers(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = [_object_number(value) for value in values]
    strange = np.array([number is None for number in found], bool)
    null = np.array([value is None or type(value).__name__ == "NAType" for value in values], bool)
    return np.array([0.0 if n is None else n for n in found], np.float64), null, strange


def read_values(column: Column) -> tuple[np.ndarray, list[tuple[np.ndarray, str]]]:
    """Read a column of event values.

    Returns
    -------
    tuple
        float32 [n], finite and not negative where no mask holds, and the masks [n] of bad rows,
        each with its reason.

    Raises
    ------
    InvalidArgumentError
        When the column's type as a whole is not a number.
    """
    strange = np.zeros(len(column), bool)
    try:
        array = (
            plain_type(column)
            if isinstance(column, pa.Array)
            else plain_type(pa.array(column, from_pandas=False))
        )
    except _NO_ONE_TYPE:
        numbers, null, strange = _object_numbers(np.asarray(column, dtype=object))
    else:
        kind = array.type
        if not (
            pa.types.is_integer(kind)
            or pa.types.is_floating(kind)
            or pa.types.is_decimal(kind)
            or pa.types.is_boolean(kind)
            or pa.types.is_null(kind)
        ):
            raise InvalidArgumentError(
                f"the value column holds {kind}; convert it to numbers, or leave value=None"
            )
        if pa.types.is_boolean(kind):
            array = array.cast(pa.int8())
        null = array.is_null().to_numpy(zero_copy_only=False)
        filled = array.cast(pa.float64(), safe=False).fill_null(0.0)
        numbers = filled.to_numpy(zero_copy_only=False)
    faults = [
        (null, "value is null"),
        (strange, "value is not a number"),
        (np.isnan(numbers) & ~null, "value is NaN"),
        (np.isinf(numbers), "value is infinite"),
        (np.isfinite(numbers) & (numbers < 0), "value is negative"),
        (np.isfinite(numbers) & (numbers > _FLOAT32_MAX), "value is beyond 32-bit floats"),
    ]
    faults = [(mask, reason) for mask, reason in faults if mask.any()]
    good = np.ones(len(numbers), bool)
    for mask, _ in faults:
        good &= ~mask
    return np.where(good, numbers, 0.0).astype(np.float32), faults


def read_types(column: Column) -> tuple[list[str], np.ndarray, list[tuple[np.ndarray, str]]]:
    """Names of the event types, uint8 codes [n] into them, and the masks of bad rows."""
    encoded: Encoded = encode(column, "type")
    names = [str(name) for name in encoded.ids.ids()]
    if len(names) > _MAX_TYPES:
        raise InvalidArgumentError(
            f"the type column holds {len(names)} types, at most {_MAX_TYPES} fit; "
            f"is it the right column? The first are {', '.join(names[:3])}"
        )
    faults = encoded.missing + encoded.faults
    return names, np.maximum(encoded.index, 0).astype(np.uint8), faults


def weigh_types(names: list[str], weights: Mapping[str, float] | None) -> list[tuple[str, float]]:
    """Pairs (name, weight) for the types of a log.

    Raises
    ------
    InvalidArgumentError
        When `weights` names a type that neither the log nor the taxonomy has, or holds a weight
        that is not finite and at least 0.
    """
    weights = weights or {}
    unknown = sorted(set(weights) - set(names) - set(DEFAULT_TYPE_WEIGHTS), key=str)
    if unknown and names:
        raise InvalidArgumentError(
            f"type_weights names {', '.join(map(repr, unknown))}; "
            f"the log's types are {', '.join(map(repr, names))}"
        )
    for name, weight in weights.items():
        number = isinstance(weight, (int, float, np.integer, np.floating))
        if not number or not math.isfinite(weight) or weight < 0:
            raise InvalidArgumentError(
                f"type_weights[{name!r}] is {weight!r}; a weight is a number, finite and at least 0"
            )
    return [(name, float(weights.get(name, DEFAULT_TYPE_WEIGHTS.get(name, 1.0)))) for name in names]
