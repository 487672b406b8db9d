"""External ids of an index's rows: as given, in and out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import BadDataError, CorruptBundleError, InvalidArgumentError, NotFoundError

__all__ = ["RowIds"]

Ids = npt.NDArray[Any]


class RowIds:
    """One id a row: int64, or str (an object array). A removed row's id is forgotten.

    Parameters
    ----------
    ids : [n] int64 or object array
    removed : [r] int32 array
        Rows whose id is not to be found.
    """

    def __init__(self, ids: Ids, removed: npt.NDArray[np.int32]) -> None:
        self._ids = ids
        # Row numbers themselves, as when no ids were given: answered without looking any up.
        self._counted = ids.dtype == np.int64 and bool(
            np.array_equal(ids, np.arange(len(ids), dtype=np.int64))
        )
        gone = set(removed.tolist())
        self._row_of = {one: row for row, one in enumerate(ids.tolist()) if row not in gone}
        if len(self._row_of) + len(gone) != len(ids):
            seen: set[Any] = set()
            twice = next(one for one in ids.tolist() if one in seen or seen.add(one))  # type: ignore[func-returns-value]
            raise InvalidArgumentError(f"ids must differ; {twice!r} comes more than once")

    @classmethod
    def from_given(cls, ids: Any, rows: int) -> Self:
        """Check ids given by a caller; None numbers the rows."""
        return cls(given_ids(ids, rows), np.empty(0, np.int32))

    @property
    def of_text(self) -> bool:
        """Whether ids are strings."""
        return self._ids.dtype == object

    def __len__(self) -> int:
        return len(self._ids)

    def at(self, rows: npt.NDArray[np.int32]) -> Ids:
        """Return the ids of rows; row -1 is None for strings and -1 for integers."""
        if self._counted or len(self._ids) == 0:
            return rows.astype(np.int64)
        out = self._ids[rows]
        out[rows < 0] = None if self.of_text else -1
        return out

    def rows_of(self, ids: Any) -> npt.NDArray[np.int32]:
        """Return the rows of ids; an id that is not there throws NotFoundError."""
        found = []
        for one in _listed(ids):
            row = self._row_of.get(one)
            if row is None:
                raise NotFoundError(f"id {one!r} is not in the index")
            found.append(row)
        return np.asarray(found, dtype=np.int32)

    def known_rows_of(self, ids: Any) -> npt.NDArray[np.int32]:
        """Return the rows of those ids that are there."""
        found = (self._row_of.get(one, -1) for one in _listed(ids))
        return np.asarray([row for row in found if row >= 0], dtype=np.int32)

    def extended(self, ids: Any, rows: int) -> RowIds:
        """Return these with the ids of `rows` more rows; None goes on counting."""
        if ids is None:
            if not self._counted:
                raise InvalidArgumentError("this index was fitted with ids; give the new rows' too")
            more: Ids = np.arange(len(self._ids), len(self._ids) + rows, dtype=np.int64)
        else:
            more = given_ids(ids, rows)
        if more.dtype != self._ids.dtype:
            kinds = ("strings", "integers") if self.of_text else ("integers", "strings")
            raise InvalidArgumentError(f"the index's ids are {kinds[0]}, the new ones {kinds[1]}")
        for one in more.tolist():
            if one in self._row_of:
                raise InvalidArgumentError(f"id {one!r} is in the index already; remove it first")
        live = set(self._row_of.values())
        gone = [row for row in range(len(self._ids)) if row not in live]
        return RowIds(np.concatenate([self._ids, more]), np.asarray(gone, dtype=np.int32))

    def forget(self, rows: npt.NDArray[np.int32]) -> None:
        """Drop the ids of removed rows; with default numbering they stay numbers."""
        for row in rows.tolist():
            self._row_of.pop(self._ids[row], None)
            if not self._counted:
                self._ids[row] = "" if self.of_text else 0

    def save(self, writer: _core.BundleWriter, prefix: str) -> None:
        """Write int64 ids, or offsets [n + 1] into UTF-8 bytes."""
        if not self.of_text:
            writer.add(f"{prefix}/integers", self._ids)
            return
        encoded = [one.encode() for one in self._ids.tolist()]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(one) for one in encoded], out=offsets[1:])
        writer.add(f"{prefix}/offsets", offsets)
        writer.add(f"{prefix}/bytes", np.frombuffer(b"".join(encoded), dtype=np.uint8))

    @classmethod
    def load(
        cls, reader: _core.BundleReader, prefix: str, rows: int, removed: npt.NDArray[np.int32]
    ) -> Self:
        """Read what `save` wrote, taking nothing for granted."""
        ids: Ids
        if reader.has(f"{prefix}/integers"):
            ids = np.array(reader.array(f"{prefix}/integers"))
            if ids.dtype != np.int64 or ids.shape != (rows,):
                raise CorruptBundleError(f"{prefix}/integers: not {rows} int64 ids")
        else:
            ids = _texts(
                reader.array(f"{prefix}/offsets"), reader.array(f"{prefix}/bytes"), rows, prefix
            )
        try:
            return cls(ids, removed)
        except InvalidArgumentError as error:
            raise CorruptBundleError(f"{prefix}: {error}") from error


def _texts(offsets: Ids, data: Ids, rows: int, prefix: str) -> Ids:
    fits = (
        offsets.dtype == np.int64
        and offsets.shape == (rows + 1,)
        and data.dtype == np.uint8
        and data.ndim == 1
        and offsets[0] == 0
        and offsets[-1] == len(data)
        and bool(np.all(offsets[:-1] <= offsets[1:]))
    )
    if not fits:
        raise CorruptBundleError(f"{prefix}/offsets don't divide {prefix}/bytes into {rows} ids")
    whole = data.tobytes()
    bounds = offsets.tolist()
    out = np.empty(rows, dtype=object)
    try:
        for row in range(rows):
            out[row] = whole[bounds[row] : bounds[row + 1]].decode()
    except UnicodeDecodeError as error:
        raise CorruptBundleError(f"{prefix}/bytes: {error}") from error
    return out


def _listed(ids: Any) -> Iterable[Any]:
    if isinstance(ids, str | bytes):
        raise InvalidArgumentError(f"a list of ids is wanted, not the one text {ids!r}")
    if hasattr(ids, "tolist"):
        return list(ids.tolist())
    return [one.item() if isinstance(one, np.generic) else one for one in ids]


def given_ids(ids: Any, rows: int) -> Ids:
    """Check `rows` ids: all integers (int64 comes back) or all strings (an object array)."""
    if ids is None:
        return np.arange(rows, dtype=np.int64)
    values = list(_listed(ids))
    if len(values) != rows:
        raise InvalidArgumentError(f"there are {len(values)} ids for {rows} vectors")
    if all(isinstance(one, int) and not isinstance(one, bool) for one in values):
        try:
            return np.asarray(values, dtype=np.int64)
        except OverflowError as error:
            raise BadDataError(f"integer ids must fit 64 bits: {error}") from error
    out = np.empty(rows, dtype=object)
    for row, one in enumerate(values):
        if not isinstance(one, str):
            raise InvalidArgumentError(
                f"ids, row {row}: {one!r} is a {type(one).__name__}; "
                "ids are all strings or all integers"
            )
        out[row] = one
    return out
