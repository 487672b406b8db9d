"""Rows as the core takes them: numbers [n, features], with what is known of the columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import BadDataError, InvalidArgumentError

__all__ = ["Columns", "Rows", "SparseRows", "bin_held_out", "bin_rows", "by_blocks", "plain_matrix"]

_BLOCK_ROWS = 4096  # of sparse rows that are asked about, dense at a time


@dataclass(frozen=True)
class SparseRows:
    """Rows of whose cells most are 0, as the core takes them.

    Attributes
    ----------
    begin : [rows + 1] int64
        Where a row's cells begin.
    index, value : [cells] int32 and float
        Column and value of a cell, columns ascending within a row and none twice.
    shape : (rows, features)
    """

    begin: npt.NDArray[np.int64]
    index: npt.NDArray[np.int32]
    value: npt.NDArray[Any]
    shape: tuple[int, int]

    @classmethod
    def of(cls, X: Any, who: str) -> Self:
        """From any format of scipy.sparse."""
        rows = X.tocsr()
        if rows.ndim != 2:
            raise InvalidArgumentError(
                f"{who}: X must have two dimensions, [rows, features], not shape {rows.shape}"
            )
        if rows.dtype.kind == "c":
            raise InvalidArgumentError(f"{who}: Complex data not supported")
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        value = (
            rows.data if rows.dtype in (np.float32, np.float64) else rows.data.astype(np.float64)
        )
        return cls(
            np.asarray(rows.indptr, dtype=np.int64),
            np.asarray(rows.indices, dtype=np.int32),
            np.ascontiguousarray(value),
            (int(rows.shape[0]), int(rows.shape[1])),
        )

    def dense(self, first: int = 0, last: int | None = None) -> npt.NDArray[Any]:
        """Rows [first, last) with all their zeros."""
        last = self.shape[0] if last is None else min(last, self.shape[0])
        out = np.zeros((last - first, self.shape[1]), dtype=self.value.dtype)
        cells = slice(self.begin[first], self.begin[last])
        row = np.repeat(np.arange(last - first), np.diff(self.begin[first : last + 1]))
        out[row, self.index[cells]] = self.value[cells]
        return out


Rows = npt.NDArray[Any] | SparseRows


def bin_rows(rows: Rows, **options: Any) -> _core.BinnedRows:
    """Sort rows into bins of their own."""
    if isinstance(rows, SparseRows):
        return _core.BinnedRows(rows.begin, rows.index, rows.value, rows.shape[1], **options)
    return _core.BinnedRows(rows, **options)


def bin_held_out(binned: _core.BinnedRows, rows: Rows, threads: int) -> _core.BinnedRows:
    """Sort rows into the bins of others."""
    if isinstance(rows, SparseRows):
        return binned.held_out(rows.begin, rows.index, rows.value, threads)
    return binned.held_out(rows, threads)


def by_blocks(rows: Rows, ask: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Put together what `ask` says of dense rows: all at once, or a block after the other."""
    if not isinstance(rows, SparseRows):
        return ask(rows)
    firsts = range(0, max(rows.shape[0], 1), _BLOCK_ROWS)
    return np.concatenate([ask(rows.dense(first, first + _BLOCK_ROWS)) for first in firsts])


def plain_matrix(X: Any, who: str) -> npt.NDArray[Any]:
    """Two-dimensional numbers, float32 and float64 as they are (without a copy when C-contiguous).

    Raises
    ------
    InvalidArgumentError
        On what has another number of dimensions, on complex or sparse data, on texts that are no
        numbers.
    """
    _refuse_sparse(X, who)
    array = X if isinstance(X, np.ndarray) else np.asarray(X)
    if array.ndim != 2:
        raise InvalidArgumentError(
            f"{who}: X must have two dimensions, [rows, features], not shape {array.shape}. "
            "Reshape your data: X.reshape(-1, 1) if it is one feature, X.reshape(1, -1) if it is "
            "one row"
        )
    if array.dtype.kind == "c":
        raise InvalidArgumentError(f"{who}: Complex data not supported")
    if array.dtype not in (np.float32, np.float64):
        if array.dtype == object and any(isinstance(v, dict) for v in array.ravel()[:100]):
            raise TypeError(f"{who}: argument must be a string or a number, not a dict")
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"{who}: a value of X is not a number ({error}); name columns of texts in "
                "categorical_features"
            ) from error
    return np.ascontiguousarray(array)


class Columns:
    """What a fit learned of its columns: names, number, and the texts of the categorical ones.

    Parameters
    ----------
    X : array or DataFrame
    categorical : names or numbers of columns; 'auto' takes a frame's text and category columns
    who : str
        The estimator, for messages.
    """

    def __init__(self, X: Any, categorical: Any, who: str) -> None:
        self.who = who
        frame = None if _is_sparse(X) else _frame(X)
        self.names: list[str] | None = None
        if frame is not None:
            names = frame.columns
            self.names = (
                [str(name) for name in names]
                if all(isinstance(name, str) for name in names)
                else None
            )
            self.count = len(names)
        elif _is_sparse(X):
            self.count = int(X.shape[-1])
        else:
            array = X if isinstance(X, np.ndarray) else np.asarray(X)
            if array.ndim != 2:
                plain_matrix(array, who)
            self.count = int(array.shape[1])
        self.categorical = self._numbers(categorical, frame)
        # Column -> its values in the order of their codes; numbers keep themselves.
        self.values: dict[int, list[Any]] = {}
        for f in [] if _is_sparse(X) else self.categorical:
            column = _column(X, frame, f)
            if column.dtype.kind not in "fiub":
                known = {v for v in column.tolist() if not _is_missing(v)}
                self.values[f] = sorted(known, key=lambda v: (str(type(v)), v))

    def _numbers(self, categorical: Any, frame: Any) -> list[int]:
        if categorical is None:
            return []
        if isinstance(categorical, str):
            if categorical != "auto":
                raise InvalidArgumentError(
                    f"{self.who}: categorical_features must be names or numbers of columns, "
                    f"or 'auto', not {categorical!r}"
                )
            if frame is None:
                return []
            kinds = (nw.String, nw.Categorical, nw.Enum, nw.Object)
            return [i for i, t in enumerate(frame.schema.values()) if isinstance(t, kinds)]
        chosen: Sequence[Any] = list(categorical)
        if len(chosen) == self.count and all(isinstance(c, (bool, np.bool_)) for c in chosen):
            return [i for i, c in enumerate(chosen) if c]
        return sorted({self.number_of(c, "categorical_features") for c in chosen})

    def number_of(self, column: Any, role: str) -> int:
        """The position of a column that is given by name or number."""
        if isinstance(column, str):
            if self.names is None or column not in self.names:
                known = "X has no names" if self.names is None else ", ".join(self.names)
                raise InvalidArgumentError(
                    f"{self.who}: {role}: no column {column!r}; there are: {known}"
                )
            return self.names.index(column)
        if isinstance(column, bool) or not isinstance(column, (int, np.integer)):
            raise InvalidArgumentError(f"{self.who}: {role}: {column!r} is no column")
        if not 0 <= int(column) < self.count:
            raise InvalidArgumentError(f"{self.who}: {role}: column {int(column)} of {self.count}")
        return int(column)

    def name(self, f: int) -> str:
        """How messages call a column."""
        return f"{f}" if self.names is None else f"'{self.names[f]}'"

    def matrix(self, X: Any, threads: int = 0) -> Rows:
        """Return X as the core takes it: texts as codes, unknown ones as -1, missing ones as NaN.

        scipy.sparse comes back as `SparseRows`.

        Raises
        ------
        InvalidArgumentError
            When the columns are not those of the fit.
        BadDataError
            On an infinite value; the message names its column and row.
        """
        if _is_sparse(X):
            return self._sparse(X)
        frame = _frame(X)
        if frame is not None and (
            self.values
            or any(not t.is_numeric() and t != nw.Boolean for t in frame.schema.values())
        ):
            self._check_count(len(frame.columns))
            array = self._coded(X, frame)
        elif self.values:
            raw = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
            self._check_count(raw.shape[1] if raw.ndim == 2 else 0)
            array = self._coded(raw, None)
        else:
            array = plain_matrix(X if frame is None else frame.to_numpy(), self.who)
            self._check_count(array.shape[1])
        found = _core.find_infinite(array, threads)
        if found is not None:
            raise self._infinite(*found)
        return array

    def dense(self, X: Any) -> npt.NDArray[Any]:
        """`matrix` with all zeros, where X is sparse."""
        rows = self.matrix(X)
        return rows.dense() if isinstance(rows, SparseRows) else rows

    def _sparse(self, X: Any) -> SparseRows:
        if self.values:
            raise InvalidArgumentError(
                f"{self.who}: X is sparse, but the fit had texts in column "
                f"{self.name(next(iter(self.values)))}"
            )
        rows = SparseRows.of(X, self.who)
        self._check_count(rows.shape[1])
        infinite = np.flatnonzero(np.isinf(rows.value))
        if len(infinite):
            row = int(np.searchsorted(rows.begin, infinite[0], side="right")) - 1
            raise self._infinite(row, int(rows.index[infinite[0]]))
        return rows

    def _infinite(self, row: int, column: int) -> BadDataError:
        return BadDataError(
            f"{self.who}: X, row {row}, column {self.name(column)}: infinity is not a value; use "
            "NaN for what is missing"
        )

    def _check_count(self, count: int) -> None:
        if count != self.count:
            raise InvalidArgumentError(
                f"X has {count} features, but {self.who} is expecting {self.count} features as "
                "input"
            )

    def _coded(self, X: Any, frame: Any) -> npt.NDArray[np.float64]:
        rows = len(frame) if frame is not None else X.shape[0]
        out = np.empty((rows, self.count))
        for f in range(self.count):
            column = _column(X, frame, f)
            if f in self.values:
                codes = {value: float(code) for code, value in enumerate(self.values[f])}
                out[:, f] = [
                    np.nan if _is_missing(v) else codes.get(v, -1.0) for v in column.tolist()
                ]
                continue
            try:
                out[:, f] = column.astype(np.float64)
            except (TypeError, ValueError) as error:
                raise InvalidArgumentError(
                    f"{self.who}: X, column {self.name(f)}: {error}; name columns of texts in "
                    "categorical_features"
                ) from error
        return out


def _is_sparse(X: Any) -> bool:
    return hasattr(X, "tocsr")


def _refuse_sparse(X: Any, who: str) -> None:
    if _is_sparse(X):
        raise InvalidArgumentError(f"{who}: sparse data is not taken; give X.toarray()")


def _frame(X: Any) -> Any:
    if isinstance(X, np.ndarray):
        return None
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def _column(X: Any, frame: Any, f: int) -> npt.NDArray[Any]:
    if frame is None:
        return np.asarray(X)[:, f]
    return np.asarray(frame[:, f].to_numpy())


def _is_missing(value: Any) -> bool:
    return value is None or value != value or type(value).__name__ == "NAType"
