"""Columns to a frame of the kind that the caller's data came in."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from penchant.errors import InvalidArgumentError

_KINDS = ("pandas", "polars", "pyarrow")


def make_frame(columns: Mapping[str, Any], kind: str | None) -> Any:
    """Return the columns as a pandas, polars or pyarrow frame.

    Parameters
    ----------
    columns : mapping of str to array or list
        Equally long.
    kind : {"pandas", "polars", "pyarrow"} or None
        None: pandas where it is installed, else pyarrow.
    """
    from penchant.data import _frames

    if kind is None:
        kind = "pandas" if importlib.util.find_spec("pandas") else "pyarrow"
    if kind not in _KINDS:
        raise InvalidArgumentError(f"format is {kind!r}; it must be one of {', '.join(_KINDS)}")
    return _frames.make_frame({name: pa.array(column) for name, column in columns.items()}, kind)
