"""External ids of arms: as given, in and out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import CorruptBundleError, InvalidArgumentError
from ..retrieval._row_ids import RowIds

__all__ = ["ArmIds", "listed"]


def listed(arms: Any, what: str = "arms") -> Sequence[Any]:
    """Return ids as a sequence of Python objects."""
    if isinstance(arms, (list, tuple)):
        return arms
    if isinstance(arms, (str, bytes)):
        raise InvalidArgumentError(f"{what} must be a list of ids, not the one text {arms!r}")
    if hasattr(arms, "tolist"):
        found = arms.tolist()
        return found if isinstance(found, list) else [found]
    if hasattr(arms, "to_list"):
        return list(arms.to_list())
    if isinstance(arms, Iterable):
        return list(arms)
    raise InvalidArgumentError(f"{what} must be a list of ids, not {arms!r}")


class ArmIds:
    """A row of the policy's table for each arm, in the order in which they were first learnt."""

    def __init__(self) -> None:
        self._row_of: dict[Any, int] = {}
        self._ids: list[Any] = []
        self._asked: tuple[list[Any], npt.NDArray[np.int32]] | None = None

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> list[Any]:
        """All arms, a row each."""
        return list(self._ids)

    def rows(self, arms: Sequence[Any]) -> npt.NDArray[np.int32]:
        """Rows of arms, -1 for those that are new.

        Raises
        ------
        InvalidArgumentError
            On ids that are neither strings nor integers, or not of the kind of those learnt.
        """
        rows = self._rows(arms)
        if (rows < 0).any():
            self._new(arms, rows)
        return rows

    def distinct_rows(self, arms: Sequence[Any]) -> npt.NDArray[np.int32]:
        """Rows of arms to choose among, which must differ; those that were asked for last are kept.

        Raises
        ------
        InvalidArgumentError
            As `rows`, and on an arm that comes twice.
        """
        try:
            if self._asked is not None and self._asked[0] == arms:
                return self._asked[1]
        except ValueError:  # of arrays among them, whom `rows` refuses
            pass
        rows = self.rows(arms)
        if len(set(arms)) != len(arms):
            twice = next(one for one in arms if list(arms).count(one) > 1)
            raise InvalidArgumentError(f"arms must differ; {twice!r} comes more than once")
        self._asked = (list(arms), rows)
        return rows

    def add(self, arms: Sequence[Any]) -> npt.NDArray[np.int32]:
        """Rows of arms; new ones get the next rows. Raises as `rows`."""
        if len(arms) == 1:  # learning one at a time should cost what it costs the core
            row = self._row_of.get(arms[0]) if isinstance(arms[0], (str, int)) else None
            if row is not None:
                return np.array([row], dtype=np.int32)
        rows = self._rows(arms)
        if (rows >= 0).all():
            return rows
        self._asked = None
        for one in self._new(arms, rows):
            self._row_of[one] = len(self._ids)
            self._ids.append(one)
        return self._rows(arms)

    def _rows(self, arms: Sequence[Any]) -> npt.NDArray[np.int32]:
        try:
            return np.fromiter(map(self._row_of.get, arms, repeat(-1)), np.int32, len(arms))
        except TypeError as error:
            raise InvalidArgumentError(f"an arm is a string or an integer: {error}") from error

    def _new(self, arms: Sequence[Any], rows: npt.NDArray[np.int32]) -> list[Any]:
        """Those without a row, each once, checked to be ids of one kind."""
        kind = type(self._ids[0]) if self._ids else None
        fresh: dict[Any, None] = {}
        for at in np.flatnonzero(rows < 0).tolist():
            value = arms[at].item() if isinstance(arms[at], np.generic) else arms[at]
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                raise InvalidArgumentError(
                    f"arm {value!r} is a {type(value).__name__}; arms are strings or integers"
                )
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise InvalidArgumentError(f"arm {value!r} is an integer beyond 64 bits")
            kind = kind or type(value)
            if not isinstance(value, kind):
                raise InvalidArgumentError(
                    f"arm {value!r} is a {type(value).__name__}, the others are "
                    f"{'strings' if kind is str else 'integers'}; give one kind"
                )
            fresh[value] = None
        return list(fresh)

    def forget_after(self, count: int) -> None:
        """Keep the first `count` arms alone."""
        self._asked = None
        for one in self._ids[count:]:
            del self._row_of[one]
        del self._ids[count:]

    def save(self, writer: _core.BundleWriter, prefix: str) -> None:
        """Write int64 ids, or offsets [n + 1] into UTF-8 bytes."""
        RowIds.from_given(self._ids, len(self._ids)).save(writer, prefix)

    @classmethod
    def load(cls, reader: _core.BundleReader, prefix: str, rows: int) -> Self:
        """Read what `save` wrote, taking nothing for granted."""
        found = RowIds.load(reader, prefix, rows, np.empty(0, np.int32))
        arms = cls()
        arms._ids = found.at(np.arange(rows, dtype=np.int32)).tolist()
        arms._row_of = {one: row for row, one in enumerate(arms._ids)}
        if len(arms._row_of) != rows:
            raise CorruptBundleError(f"{prefix}: an arm comes twice")
        return arms
