"""Recency, frequency, monetary value: quintile scores at a time, and segments named by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..data._frames import loose_kind, make_frame
from ..data._times import time_micros
from ..data.ingest import arrow_ids
from ..errors import InvalidArgumentError
from ..features.state import State
from .segment_set import SegmentSet

__all__ = ["Rfm", "rfm"]

# (from, to) of the scores of recency and of frequency: the grid in common use, every cell once.
_GRID: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "champions": ((5, 5), (4, 5)),
    "loyal": ((3, 4), (4, 5)),
    "potential_loyalists": ((4, 5), (2, 3)),
    "new_customers": ((5, 5), (1, 1)),
    "promising": ((4, 4), (1, 1)),
    "need_attention": ((3, 3), (3, 3)),
    "about_to_sleep": ((3, 3), (1, 2)),
    "cannot_lose": ((1, 2), (5, 5)),
    "at_risk": ((1, 2), (3, 4)),
    "hibernating": ((1, 2), (1, 2)),
}


class Rfm:
    """Quintile scores at a time; `rfm` makes one.

    Attributes
    ----------
    scores
        A frame with a row a subject that has been seen: `subject`, the three measures, `r`, `f`
        and `m` from 1 to 5, and the named `segment`.
    cuts
        Measure -> the four values at which the scores 2 to 5 begin (for recency: the longest one
        that still has the score); None where nobody reaches it.
    """

    def __init__(
        self,
        state: State,
        names: tuple[str, str, str],
        scores: Any,
        cuts: dict[str, list[float | None]],
    ) -> None:
        self._state = state
        self._names = names
        self.scores = scores
        self.cuts = cuts

    def __repr__(self) -> str:
        return f"Rfm({len(self.scores)} subjects)"

    def rules(self) -> dict[str, str]:
        """Write the named segments as rules: bounds stay as they were at the time of the scores."""
        recency, frequency, _ = self._names
        return {
            name: " and ".join(
                [
                    *self._between(recency, *r, turned=True),
                    *self._between(frequency, *f, turned=False),
                ]
            )
            for name, (r, f) in _GRID.items()
        }

    def segments(self) -> SegmentSet:
        """Give the named segments as a set over the state's plan, for any time, and live."""
        return SegmentSet(self.rules(), plan=self._state.plan)

    def _between(self, measure: str, low: int, high: int, *, turned: bool) -> list[str]:
        tests = [f"known({measure})"] if turned else []
        cuts = self.cuts[measure]
        if low > 1:
            cut = cuts[low - 2]
            tests.append(
                "false" if cut is None else f"{measure} {'<=' if turned else '>='} {cut!r}"
            )
        if high < 5 and cuts[high - 1] is not None:
            tests.append(f"{measure} {'>' if turned else '<'} {cuts[high - 1]!r}")
        return tests


def rfm(
    state: State,
    time: Any,
    *,
    recency: str = "recency",
    frequency: str = "frequency",
    monetary: str = "monetary",
    threads: int | None = None,
) -> Rfm:
    """Score recency, frequency and monetary value by quintiles over all subjects, as of a time.

    The score of a value is 1 + floor(5 * worse / n): `worse` counts subjects whose value is
    strictly worse (longer ago, less often, less), of the n that have been seen. Equal values have
    equal scores, so that groups need not be of one size.

    Parameters
    ----------
    state
        Of a plan that has the three measures.
    time
        Events strictly before it count.
    recency, frequency, monetary
        Names of the plan's features; subjects whose recency is not known are left out.
    threads
        All when None.

    Raises
    ------
    InvalidArgumentError
        When the plan has no such feature, or two measures are the same.

    Examples
    --------
    >>> import pandas as pd
    >>> import penchant as pn
    >>> F = pn.features
    >>> plan = F.Plan(
    ...     [F.recency(name="recency"), F.count(name="frequency"), F.sum("paid", name="monetary")]
    ... )
    >>> log = pd.DataFrame(
    ...     {"subject": list("aabcde"), "time": [f"2024-05-0{d}" for d in (1, 7, 6, 5, 4, 3)],
    ...      "paid": 5.0}
    ... )
    >>> scores = pn.segments.rfm(plan.replay(log, item=None), "2024-05-09").scores
    >>> scores["r"].tolist()
    [5, 4, 3, 2, 1]
    """
    names = (recency, frequency, monetary)
    for name in names:
        if name not in state.plan.columns:
            there = ", ".join(map(repr, state.plan.columns)) or "none"
            raise InvalidArgumentError(
                f"the plan has no feature {name!r}; its columns are: {there}"
            )
    if len(set(names)) < 3:
        raise InvalidArgumentError(
            f"recency, frequency and monetary are three features, not {names}"
        )
    everyone = np.arange(len(state._subjects), dtype=np.int32)
    times = np.full(len(everyone), time_micros(time, "time"), np.int64)
    items = np.zeros(0, np.int32)
    values = state._core.read(times, everyone, items, threads or 0)
    measured = {name: values[state.plan.columns.index(name)] for name in names}
    seen = ~np.isnan(measured[recency])
    columns: dict[str, Any] = {"subject": arrow_ids(state._subjects, everyone[seen])}
    cuts: dict[str, list[float | None]] = {}
    scores: dict[str, np.ndarray] = {}
    for name, short in zip(names, "rfm", strict=True):
        of = measured[name][seen]
        columns[name] = of
        sign = -1.0 if short == "r" else 1.0
        scores[short] = _scores(sign * of)
        cuts[name] = _cuts(of, scores[short], longest=short == "r")
    columns |= scores
    columns["segment"] = pa.array(_named(scores["r"], scores["f"]), pa.large_string())
    return Rfm(state, names, make_frame(columns, loose_kind()), cuts)


def _scores(values: np.ndarray) -> np.ndarray:
    """Quintiles 1 to 5 of values of which more is better."""
    worse = np.searchsorted(np.sort(values), values, side="left")
    return 1 + 5 * worse // max(1, len(values))


def _cuts(values: np.ndarray, scores: np.ndarray, *, longest: bool) -> list[float | None]:
    out: list[float | None] = []
    for score in range(2, 6):
        reached = values[scores >= score]
        out.append(float(reached.max() if longest else reached.min()) if len(reached) else None)
    return out


def _named(recency: np.ndarray, frequency: np.ndarray) -> list[str]:
    names = np.empty((6, 6), object)
    for name, ((r, r_to), (f, f_to)) in _GRID.items():
        names[r : r_to + 1, f : f_to + 1] = name
    return list(names[recency, frequency])
