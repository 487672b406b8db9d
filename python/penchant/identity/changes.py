"""What a step did to subjects that were there before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..data._frames import make_frame
from ._records import text_array

__all__ = ["Changes"]


@dataclass(frozen=True)
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

    merged: Any
    split: Any
    dropped: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return len(self.merged) > 0 or len(self.split) > 0

    def __repr__(self) -> str:
        """How many rows, and what was left out."""
        shown = f"Changes({len(self.merged)} merged, {len(self.split)} split rows"
        return f"{shown}, dropped {self.dropped})" if self.dropped else f"{shown})"


def changes_of(core: Mapping[str, Any], kind: str | None, dropped: dict[str, int]) -> Changes:
    """Frames of what the core answered."""

    def frame(pair: tuple[Any, Any]) -> Any:
        columns: dict[str, pa.Array] = {
            "from": text_array(*pair[0]).cast(pa.string()),
            "to": text_array(*pair[1]).cast(pa.string()),
        }
        return make_frame(columns, kind)

    return Changes(frame(core["merged"]), frame(core["split"]), dropped)
