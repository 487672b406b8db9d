"""Idempotence by event id, and what comes too late: pure folds over events."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from ..data._times import duration_micros, time_micros
from .checked import Checked

__all__ = ["Deduplicator", "LatePolicy"]

_SEEN = np.array(["new", "duplicate", "unknown"], dtype=object)
_TIMELINESS = np.array(["on_time", "late", "too_late"], dtype=object)


class Deduplicator:
    """Whether an event id was there before: exactly, within a horizon of event time.

    The state is the same in any order of arrival, and bounded: about 80 bytes an id and the bytes
    of ids longer than 15.

    Parameters
    ----------
    horizon
        How far back from the latest event time ids are remembered.
    max_ids
        Of how many ids, at most; beyond, the oldest are forgotten.
    seed
        Of the hash table. Keep it from whoever sends events.
    """

    def __init__(self, horizon: Any = "7d", max_ids: int = 1 << 24, seed: int = 0) -> None:
        self._options = (duration_micros(horizon, "horizon"), max_ids, seed)
        self._core = _core.Deduplicator(*self._options)

    def fold(self, event_id: str, time: Any) -> str:
        """Take an id in. Return "new", "duplicate", or "unknown": too old to tell."""
        return self._core.fold(event_id, time_micros(time, "time"))

    def classify(self, event_id: str, time: Any) -> str:
        """Return what `fold` would; nothing changes."""
        return self._core.classify(event_id, time_micros(time, "time"))

    def fold_all(self, checked: Checked) -> np.ndarray:
        """Take in all events, in order; the answers of `fold`, by row of ``checked.events``."""
        return np.asarray(_SEEN[self._core.fold_table(checked.table)][checked.table.event()])

    def save(self) -> bytes:
        """Return the state, a function of the ids taken in."""
        return self._core.save()

    def restore(self, state: bytes) -> None:
        """Take up a state that `save` gave. Raises BadDataError on anything else."""
        self._core = _core.Deduplicator.restore(state, *self._options)

    @property
    def bytes(self) -> int:
        """Memory held."""
        return self._core.bytes

    def __len__(self) -> int:
        return len(self._core)


class LatePolicy:
    """Which events come in order, which out of order but in time, and which too late.

    Parameters
    ----------
    lateness
        How far behind the latest event time the watermark is.
    """

    def __init__(self, lateness: Any) -> None:
        self._core = _core.LatePolicy(duration_micros(lateness, "lateness"))

    def classify(self, time: Any) -> str:
        """Return "on_time", "late" (before the latest) or "too_late" (before the watermark)."""
        return self._core.classify(time_micros(time, "time"))

    def fold(self, time: Any, received: Any = None) -> str:
        """Classify, then move the watermark: to no later than the event was received."""
        at = None if received is None else time_micros(received, "received")
        return self._core.fold(time_micros(time, "time"), at)

    def fold_all(self, checked: Checked) -> np.ndarray:
        """Fold all events, in order; the answers of `fold`, by row of ``checked.events``."""
        return np.asarray(_TIMELINESS[self._core.fold_table(checked.table)][checked.table.event()])
