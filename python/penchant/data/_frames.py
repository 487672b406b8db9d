"""Frames of any kind as columns, and columns as a frame of the kind that came in."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from ..errors import InvalidArgumentError

__all__ = ["Arrays", "Column", "Source", "Table", "as_column", "frame_kind", "make_frame"]

# An Arrow array, or an object array where Arrow finds no one type for what the column holds.
Column: TypeAlias = pa.Array | np.ndarray

_KINDS = ("pandas", "polars", "pyarrow")
_SMALL = 1000  # rows of a frame whose conversion costs less than finding out how to convert it

_NO_ONE_TYPE = (
    pa.ArrowInvalid,
    pa.ArrowTypeError,
    pa.ArrowNotImplementedError,
    OverflowError,
    UnicodeEncodeError,
)


class Source(Protocol):
    """Named columns of one length, and the kind of frame to answer with."""

    kind: str
    columns: list[str]

    def __len__(self) -> int: ...

    def column(self, name: str, role: str) -> Column:
        """Return the column called `name`."""

    def rows(self, mask: np.ndarray, extra: str, texts: np.ndarray) -> Any:
        """Return the rows where `mask` [rows] holds, with a further column of texts."""


def _one_array(values: Any) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # Arrow keeps the chunks of some types
        values = pa.concat_arrays(values.chunks)
    return pa.array(values) if not isinstance(values, pa.Array) else values


def as_column(values: Any, role: str) -> Column:
    """One-dimensional array-likes as a column.

    Lists and object arrays stay as objects, to be looked at value by value where they are mixed.
    """
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return _one_array(values)
    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        return _series_column(series)
    if isinstance(values, (list, tuple)):
        array = np.empty(len(values), dtype=object)
        array[:] = values
    else:
        array = np.asarray(values)
    if array.ndim != 1:
        raise InvalidArgumentError(f"{role}: want one dimension, got shape {array.shape}")
    return array if array.dtype == object else pa.array(array)


def _series_column(series: nw.Series[Any]) -> Column:
    native = series.to_native()
    if series.dtype == nw.Object:
        return np.asarray(series.to_numpy(), dtype=object)
    try:
        # pandas: NaN stays NaN, for a value that is not a number is not a value that is missing.
        if series.implementation.is_pandas():
            return _one_array(pa.array(native, from_pandas=False))
        return _one_array(series.to_arrow())
    except _NO_ONE_TYPE:
        return np.asarray(native, dtype=object)


def _taken(column: pa.ChunkedArray, at: pa.Array) -> pa.ChunkedArray:
    # Arrow can't take from views of strings.
    if pa.types.is_string_view(column.type):
        return column.cast(pa.string()).take(at).cast(column.type)
    return column.take(at)


class Table:
    """A native frame seen by column.

    Parameters
    ----------
    frame
        An eager pandas, polars or pyarrow frame.

    Raises
    ------
    InvalidArgumentError
        When it is none of these, is lazy, or names a column twice.
    """

    def __init__(self, frame: Any) -> None:
        try:
            self._frame: nw.DataFrame[Any] = nw.from_native(frame, eager_only=True)
        except nw.exceptions.DuplicateError as error:
            raise InvalidArgumentError("events: two columns of the frame share a name") from error
        except TypeError as error:
            hint = "; call .collect() on it first" if hasattr(frame, "collect") else ""
            raise InvalidArgumentError(
                f"events: want a pandas, polars or pyarrow frame, got {type(frame).__name__}{hint}"
            ) from error
        implementation = self._frame.implementation
        self.kind = (
            "pandas"
            if implementation.is_pandas()
            else "polars"
            if implementation.is_polars()
            else "pyarrow"
        )
        native = self._frame.to_native()
        self.columns: list[str] = (
            native.column_names if isinstance(native, pa.Table) else list(native.columns)
        )

    def __len__(self) -> int:
        return len(self._frame)

    def column(self, name: str, role: str) -> Column:
        """Return the column called `name`; the error of a missing one lists those there are."""
        if name not in self.columns:
            there = ", ".join(repr(column) for column in self.columns) or "none"
            raise InvalidArgumentError(
                f"no column {name!r} to be the {role}; the frame's columns are: {there}"
            )
        return _series_column(self._frame.get_column(name))

    def rows(self, mask: np.ndarray, extra: str, texts: np.ndarray) -> Any:
        """Return the native rows where `mask` holds, with a further column of texts."""
        native = self._frame.to_native()
        if self.kind == "pandas":
            return native.loc[mask].assign(**{extra: texts})
        if self.kind == "polars":
            import polars as pl

            kept = native.filter(pl.Series(mask))
            return kept.with_columns(pl.Series(extra, list(texts), dtype=pl.String))
        at = pa.array(np.flatnonzero(mask))
        table = self._frame.to_arrow()
        kept = {name: _taken(table[name], at) for name in self.columns}
        return pa.table({**kept, extra: pa.array(texts, pa.string())})


class Arrays:
    """Loose arrays seen as a table; answers with pandas where that is installed.

    Parameters
    ----------
    columns
        Array-likes of one length, by name.

    Raises
    ------
    InvalidArgumentError
        When their lengths differ or one is not one-dimensional.
    """

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = {name: as_column(values, name) for name, values in columns.items()}
        self.columns = list(self._columns)
        self.kind = loose_kind()
        lengths = {name: len(column) for name, column in self._columns.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise InvalidArgumentError(f"arrays differ in length: {told}")

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def column(self, name: str, role: str) -> Column:  # noqa: ARG002
        """Return the array called `name`."""
        return self._columns[name]

    def rows(self, mask: np.ndarray, extra: str, texts: np.ndarray) -> Any:
        """Return the rows where `mask` holds; what Arrow can't hold is shown as text."""
        at = np.flatnonzero(mask)
        kept: dict[str, pa.Array] = {}
        for name, column in self._columns.items():
            try:
                kept[name] = (
                    pa.array(column[at]) if isinstance(column, np.ndarray) else column.take(at)
                )
            except _NO_ONE_TYPE:
                kept[name] = pa.array([ascii(value) for value in column[at]])
        kept[extra] = pa.array(texts, pa.string())
        return make_frame(kept, self.kind)


def loose_kind() -> str:
    """Name the kind of frame for whoever brought none: pandas where it is installed."""
    return "pandas" if importlib.util.find_spec("pandas") else "pyarrow"


def frame_kind(frame: Any) -> str:
    """Name the kind of a frame: "pandas", "polars" or "pyarrow"."""
    return Table(frame).kind


def make_frame(columns: Mapping[str, Any], kind: str | None) -> Any:
    """Make a frame from columns of one length: Arrow columns, arrays or lists.

    Parameters
    ----------
    columns : mapping of str to array or list
        What Arrow takes as a column.
    kind : {"pandas", "polars", "pyarrow"} or None
        None: pandas where it is installed, else pyarrow.

    Raises
    ------
    InvalidArgumentError
        When `kind` is none of these.
    """
    kind = loose_kind() if kind is None else kind
    if kind not in _KINDS:
        raise InvalidArgumentError(f"format is {kind!r}; it must be one of {', '.join(_KINDS)}")
    arrow = {
        name: column if isinstance(column, (pa.Array, pa.ChunkedArray)) else pa.array(column)
        for name, column in columns.items()
    }
    if kind == "pandas":
        small = all(len(column) <= _SMALL for column in arrow.values())
        return _small_pandas(arrow) if small else _pandas(arrow)
    table = pa.table(arrow)
    if kind == "polars":
        import polars as pl

        return pl.from_arrow(table)
    return table


def _pandas(columns: Mapping[str, Any]) -> Any:
    import pandas as pd

    # Integers with nulls would turn into floats.
    nullable = {pa.int64(): pd.Int64Dtype()}
    with_nulls = any(c.null_count and pa.types.is_int64(c.type) for c in columns.values())
    table = pa.table(columns)
    # Waking threads takes longer than converting a short list.
    return table.to_pandas(
        types_mapper=nullable.get if with_nulls else None, use_threads=table.num_rows > 10_000
    )


def _small_pandas(columns: Mapping[str, Any]) -> Any:
    """The frame that `_pandas` makes, without what Arrow spends on any frame, however short."""
    import pandas as pd

    out: dict[str, Any] = {}
    for name, column in columns.items():
        if column.null_count or isinstance(column, pa.ChunkedArray):
            return _pandas(columns)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            out[name] = column.to_numpy().copy()  # pandas wants to write to its own
        elif pa.types.is_string(column.type) and int(pd.__version__.split(".")[0]) >= 3:
            out[name] = pd.StringDtype(na_value=np.nan).__from_arrow__(column)
        else:
            return _pandas(columns)
    return pd.DataFrame(out, copy=False)
