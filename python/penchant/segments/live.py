"""`LiveSegments`: memberships kept up with events and with time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ..data._frames import loose_kind, make_frame
from ..data._times import moment, time_micros
from ..data.ingest import arrow_ids

if TYPE_CHECKING:
    from ..features.state import State
    from .segment_set import SegmentSet

__all__ = ["LiveSegments", "change_frame"]


class LiveSegments:
    """Memberships kept up with events and with time; `SegmentSet.live` makes one.

    It has a clock, which `advance` moves on: past events in the state and past moments at which a
    member enters or leaves with nothing happening. Only subjects are looked at of whom something
    may have changed, and only rules whose bounds were passed are evaluated again.
    """

    def __init__(self, segments: SegmentSet, state: State, index: _core.SegmentIndex) -> None:
        self._segments = segments
        self._state = state
        self._index = index

    @property
    def time(self) -> dt.datetime:
        """The clock, UTC: memberships are as of this moment, strictly before it."""
        return moment(self._index.time)

    @property
    def nbytes(self) -> int:
        """Bytes of memory, without the state's."""
        return int(self._index.bytes)

    def __repr__(self) -> str:
        size = f"{len(self._segments)} segments, {self._index.subjects} subjects"
        return f"LiveSegments({size}, {self.time:%Y-%m-%d %H:%M:%S})"

    def touch(self, subjects: np.ndarray, times: np.ndarray) -> None:
        """Say that the state has got events since.

        Parameters
        ----------
        subjects
            The state's codes of whom they are, int32 [n].
        times
            Of the events, microseconds since 1970, int64 [n]. Those before the clock show at it.
        """
        self._index.touch(subjects, times)

    def set_scores(self, scores: Any) -> None:
        """Give subjects other scores, as in `SegmentSet.at`; they show when the clock moves."""
        self._index.set_scores(self._segments._score_columns(self._state, scores))

    def advance(self, time: Any, *, threads: int | None = None) -> Any:
        """Move the clock on, and list who entered and left meanwhile.

        Returns
        -------
        frame
            In the order of time: `time` (the first moment at which it holds), `subject`,
            `segment`, `entered` (else left).

        Raises
        ------
        InvalidArgumentError
            When `time` is before the clock.
        """
        times, subjects, segments, entered = self._index.advance(
            time_micros(time, "time"), threads or 0
        )
        return change_frame(self._state, self._segments.names, times, subjects, segments, entered)

    def of(self, subject: Any) -> list[str]:
        """Names of the segments that a subject is in."""
        code = int(self._state._subjects.find(subject))
        names = self._segments.names
        return [names[place] for place in self._index.segments_of(code)]

    def members(self, name: str) -> list[Any]:
        """List the subjects of a segment, by their ids, ascending."""
        codes = self._index.members(self._segments._place(name))
        return list(arrow_ids(self._state._subjects, codes).to_pylist()) if len(codes) else []

    def sizes(self) -> dict[str, int]:
        """Count the members of each segment."""
        return dict(zip(self._segments.names, self._index.sizes().tolist(), strict=True))

    def overlap(self) -> Any:
        """Count who is in two segments at once: a frame as `SegmentSet.overlap` gives."""
        from .segment_set import overlap_frame

        return overlap_frame(self._segments.names, self._index.overlap())


def change_frame(
    state: State,
    names: Sequence[str],
    times: np.ndarray,
    subjects: np.ndarray,
    segments: np.ndarray,
    entered: np.ndarray,
) -> Any:
    """Changes as a frame."""
    return make_frame(
        {
            "time": times.astype("datetime64[us]"),
            "subject": arrow_ids(state._subjects, subjects)
            if len(subjects)
            else np.zeros(0, object),
            "segment": np.array(names, object)[segments] if len(segments) else np.zeros(0, object),
            "entered": entered,
        },
        loose_kind(),
    )
