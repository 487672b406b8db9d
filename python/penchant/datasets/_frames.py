"""Frames in, frames of the same kind out; the work in between is done on Arrow tables."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import pyarrow as pa

from penchant.errors import InvalidArgumentError, UnavailableError

__all__ = ["FORMATS", "column_names", "from_arrow", "like", "to_arrow"]

FORMATS = ("pandas", "polars", "pyarrow")


def to_arrow(frame: Any) -> pa.Table:
    """Return the Arrow table of a pandas, polars or pyarrow frame."""
    if isinstance(frame, pa.Table):
        return frame
    try:
        return nw.from_native(frame, eager_only=True).to_arrow()
    except TypeError as error:
        raise InvalidArgumentError(
            f"expected a pandas, polars or pyarrow frame, got {type(frame).__name__}"
        ) from error


def column_names(frame: Any) -> list[str]:
    """Return the names of the columns of `frame`."""
    if isinstance(frame, pa.Table):
        return list(frame.column_names)
    return list(nw.from_native(frame, eager_only=True).columns)


def like(table: pa.Table, frame: Any) -> Any:
    """Return `table` as the kind of frame that `frame` is."""
    if isinstance(frame, pa.Table):
        return table
    kind = nw.from_native(frame, eager_only=True).implementation
    return from_arrow(table, "polars" if kind.is_polars() else "pandas")


def from_arrow(
    table: pa.Table,
    format: str,  # noqa: A002
    attrs: dict[str, Any] | None = None,
) -> Any:
    """Return `table` as a frame of the named format.

    Integer columns with nulls become pandas' nullable ``Int64`` instead of floats, so ids stay ids.

    Parameters
    ----------
    attrs : dict, optional
        Kept in ``frame.attrs`` (pandas) or in the schema's metadata (pyarrow); polars has no place
        for them.
    """
    if format == "pyarrow":
        if attrs:
            texts = {f"penchant.{key}": str(value) for key, value in attrs.items()}
            return table.replace_schema_metadata(texts)
        return table
    if format == "polars":
        try:
            import polars as pl
        except ImportError as error:
            raise UnavailableError("format='polars' needs polars: pip install polars") from error
        return pl.from_arrow(table)
    if format == "pandas":
        return _to_pandas(table, attrs)
    raise InvalidArgumentError(f"format is {format!r}; it is one of {', '.join(FORMATS)}")


def _to_pandas(table: pa.Table, attrs: dict[str, Any] | None) -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise UnavailableError(
            "format='pandas' needs pandas: pip install pandas, or ask for format='pyarrow'"
        ) from error
    frame = table.to_pandas()
    for name in table.column_names:
        column = table[name]
        if pa.types.is_integer(column.type) and column.null_count:
            frame[name] = pd.array(column.cast(pa.int64()).to_pylist(), dtype="Int64")
    frame.attrs.update(attrs or {})
    return frame
