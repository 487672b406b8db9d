"""What a step did to subjects that were there before it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pyarrow as pa

from ..data._frames import make_frame
from ._records import text_array

__all__ = ["Changes"]


class Changes:
    """Which subjects merged and which split; what is kept by subject moves along these rows.

    Subjects that nobody knew before the step are not in it, but as the `to` of others.

    Attributes
    ----------
    merged : frame
        ``from``, ``to``: all of `from` is now `to`. Add its history to that of `to`; where `to` had
        none, the subject has only got a new name.
    split : frame
        ``from``, ``to``: the identifiers of `from` are now in several subjects, a row each; `from`
        may be one of them. Compute their histories anew, from the events.
    dropped : dict of str to int
        Values and rows that the step left out, by reason.

    Notes
    -----
    `to` is null where identifiers were blocked: they are nobody's now. One that was blocked before
    counts as a subject of its own. A step's rows say where every old subject is after the whole
    step: no row needs to be followed by another.
    """

    def __init__(self, core: Mapping[str, Any], kind: str | None, dropped: dict[str, int]) -> None:
        self._core = core
        self._kind = kind
        self.dropped = dropped

    @cached_property
    def merged(self) -> Any:
        """Frame of ``from``, ``to``."""
        return self._frame("merged")

    @cached_property
    def split(self) -> Any:
        """Frame of ``from``, ``to``."""
        return self._frame("split")

    def _frame(self, which: str) -> Any:
        before, after = (text_array(*names).cast(pa.string()) for names in self._core[which])
        return make_frame({"from": before, "to": after}, self._kind)

    def _rows(self, which: str) -> int:
        return len(self._core[which][0][2])

    def __bool__(self) -> bool:
        return self._rows("merged") > 0 or self._rows("split") > 0

    def __repr__(self) -> str:
        """How many rows, and what was left out."""
        shown = f"Changes({self._rows('merged')} merged, {self._rows('split')} split rows"
        return f"{shown}, dropped {self.dropped})" if self.dropped else f"{shown})"
