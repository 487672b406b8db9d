"""`SegmentSet`: segments that share one plan of features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import _core
from ..data._frames import Table, loose_kind, make_frame
from ..data._ids import encode
from ..data._times import duration_micros, moment, read_times, time_micros
from ..data.ingest import arrow_ids
from ..errors import InvalidArgumentError
from ..features._columns import read_numbers
from ..features.plan import Plan
from ..features.state import State
from ._compile import Compiled
from ._yaml import segments_of_yaml, set_of_yaml, set_to_yaml
from .live import LiveSegments
from .segment import Segment

__all__ = ["SegmentSet"]

_MISSING = np.iinfo(np.int64).min
_UNIT = 1_000_000
_BLOCK = 65_536  # subjects whose memberships are held at a time


class SegmentSet:
    """Segments over one plan of features, which they share.

    Parameters
    ----------
    segments
        `Segment`s, or a mapping of names to rules.
    plan
        Features that rules may name; they come first in `plan`.
    scores
        Names of columns of numbers that others give subjects (the risk that they leave, what they
        will be worth); `at` and the others take them as a frame with a row a subject.

    Raises
    ------
    InvalidArgumentError
        Pointing at the column where a rule makes no sense, or when two segments share a name.

    Examples
    --------
    >>> import pandas as pd
    >>> import penchant as pn
    >>> segments = pn.SegmentSet({"lapsed": "recency(purchase) > 60d", "new": "tenure() < 7d"})
    >>> log = pd.DataFrame({"subject": ["ann", "bob"], "time": ["2024-01-05", "2024-05-01"]})
    >>> state = segments.replay(log, item=None)
    >>> segments.members(state, "lapsed", "2024-05-03")
    ['ann']
    """

    def __init__(
        self,
        segments: Iterable[Segment] | Mapping[str, str],
        *,
        plan: Plan | None = None,
        scores: Sequence[str] = (),
    ) -> None:
        if isinstance(segments, Mapping):
            segments = [Segment(name, rule) for name, rule in segments.items()]
        self._segments = list(segments)
        for one in self._segments:
            if not isinstance(one, Segment):
                raise InvalidArgumentError(
                    f"a segment set is made of pn.Segment(name, rule), not of {type(one).__name__}"
                )
        names = [one.name for one in self._segments]
        for name in names:
            if names.count(name) > 1:
                raise InvalidArgumentError(f"two segments are called {name!r}")
        self._places = {name: number for number, name in enumerate(names)}
        self._given = plan
        self._scores = [str(one) for one in scores]
        self._compiled = Compiled(self._segments, plan, self._scores)
        self._compiled.plan._rules = self

    # --- what it is --------------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        """The features of all rules; a state of this plan is what segments are read from."""
        return self._compiled.plan

    @property
    def scores(self) -> list[str]:
        """Names of the scores that rules may ask for."""
        return list(self._scores)

    def over(self, plan: Plan | None) -> SegmentSet:
        """Return the same segments over another plan, which comes first, and their own after it.

        Raises
        ------
        InvalidArgumentError
            When both have a feature of one name that is not the same.
        """
        given = [] if plan is None else plan.features
        own = [] if self._given is None else self._given.features
        both = [*given, *(one for one in own if one not in given)]
        vectors = {
            name: vector
            for one in (self._given, plan)
            if one is not None
            for name, vector in one._embeddings.items()
        }
        merged = Plan(both, embeddings=vectors) if both else None
        return SegmentSet(self._segments, plan=merged, scores=self._scores)

    def to_yaml(self, path: str | Path | None = None) -> str:
        """Write the set as YAML, to `path` if given; returns the text."""
        return set_to_yaml(self._segments, self._given, self._scores, path)

    @classmethod
    def from_yaml(cls, source: str | Path) -> SegmentSet:
        """Read what `to_yaml` writes: a path, or the text itself (a text of several lines).

        ``segments`` maps names to rules; ``features`` may list those of a plan as
        `Plan.from_yaml` has them, and ``scores`` names.

        Raises
        ------
        InvalidArgumentError
            When it is of another form, and as `SegmentSet`.
        """
        return cls(**set_of_yaml(source))

    @classmethod
    def over_yaml(cls, segments: Any, plan: Plan) -> SegmentSet:
        """Read the ``segments`` of a plan in YAML: names with their rules."""
        return cls(segments_of_yaml(segments), plan=plan)

    def document(self, state: State) -> str:
        """Return the rules as JSON for the core, whose texts are the codes of a state."""
        self._check(state)
        return self._compiled.document(state._coded)

    @property
    def names(self) -> list[str]:
        """Names of the segments, in their order."""
        return list(self._places)

    def __len__(self) -> int:
        return len(self._segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def __getitem__(self, name: str) -> Segment:
        return self._segments[self._place(name)]

    def __repr__(self) -> str:
        return f"SegmentSet({len(self)} segments, {len(self.plan.columns)} columns)"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._segments, self._given, self._scores)

    def replay(self, events: Any, *roles: str, **options: Any) -> State:
        """Read a table of events into a state of `plan`; arguments as those of `Plan.replay`."""
        return self.plan.replay(events, *roles, **options)

    # --- who is in what ----------------------------------------------------------------------

    def at(
        self,
        state: State,
        points: Any,
        subject: str | None = None,
        time: str | None = None,
        *,
        scores: Any = None,
        time_unit: str = "s",
        threads: int | None = None,
    ) -> Any:
        """Tell who is in which segment as of points, from events strictly before each.

        Parameters
        ----------
        state
            Of `plan`, as `replay` makes one.
        points
            A frame with a row a point: columns `subject` and `time`.
        subject, time
            What these are called; as in the events, or by their own names, where None.
        scores
            Where the set has scores: a frame with a row a subject, the column `subject` and one a
            score. Who has no row has no score.
        time_unit
            Of times that are numbers.
        threads
            All when None. The result doesn't depend on it.

        Returns
        -------
        frame
            Of the kind that came in: the columns of `points`, then one a segment, of booleans.

        Raises
        ------
        InvalidArgumentError
            When a column is missing, a point has no time, or the state is of another plan.
        """
        self._check(state)
        table = Table(points)
        names = state._columns(table, {"subject": subject, "time": time})
        times, faults = read_times(table.column(str(names["time"]), "time"), time_unit)
        for mask, reason in faults:
            raise InvalidArgumentError(f"points, row {int(np.flatnonzero(mask)[0])}: {reason}")
        subjects = state._codes(table, names["subject"], "subject", state._subjects)
        inside = self._read(state, subjects, times, self._score_columns(state, scores), threads)
        columns: dict[str, Any] = {
            name: table.column(name, name) for name in table.columns if name not in self._places
        }
        for number, name in enumerate(self._places):
            columns[name] = inside[:, number].astype(bool)
        return make_frame(columns, table.kind)

    def members(
        self, state: State, name: str, time: Any, *, scores: Any = None, threads: int | None = None
    ) -> list[Any]:
        """List the subjects of a segment as of a time, by their ids, ascending."""
        place = self._place(name)
        found = [
            first + np.flatnonzero(inside[:, place])
            for first, inside in self._blocks(state, time, scores, threads)
        ]
        codes = np.concatenate([*found, np.zeros(0, np.int64)]).astype(np.int32)
        return list(arrow_ids(state._subjects, codes).to_pylist()) if len(codes) else []

    def sizes(
        self, state: State, times: Any, *, scores: Any = None, threads: int | None = None
    ) -> Any:
        """Count the members of each segment as of each of some times.

        Returns
        -------
        frame
            A row a time: the column `time`, and one a segment.
        """
        moments = [times] if isinstance(times, str) or np.ndim(times) == 0 else list(times)
        columns: dict[str, Any] = {
            "time": np.array([_micros(t) for t in moments], "datetime64[us]")
        }
        counts = np.array([self._sizes(state, one, scores, threads) for one in moments], np.int64)
        counts = counts.reshape(len(moments), len(self))
        for number, name in enumerate(self._places):
            columns[name] = counts[:, number]
        return make_frame(columns, loose_kind())

    def _sizes(self, state: State, time: Any, scores: Any, threads: int | None) -> np.ndarray:
        total = np.zeros(len(self), np.int64)
        for _, inside in self._blocks(state, time, scores, threads):
            total += inside.sum(axis=0, dtype=np.int64)
        return total

    def overlap(
        self, state: State, time: Any, *, scores: Any = None, threads: int | None = None
    ) -> Any:
        """Count who is in two segments at once, as of a time.

        Returns
        -------
        frame
            A row a segment: the column `segment`, and one a segment; the diagonal has the sizes.
        """
        total = np.zeros((len(self), len(self)), np.int64)
        for _, inside in self._blocks(state, time, scores, threads):
            ones = inside.astype(np.float32)  # counts of a block are exact
            total += (ones.T @ ones).astype(np.int64)
        return overlap_frame(self.names, total)

    def changes(
        self,
        state: State,
        begin: Any,
        end: Any,
        *,
        scores: Any = None,
        every: Any = "1h",
        threads: int | None = None,
    ) -> Any:
        """List who entered and left which segment after `begin`, up to `end`.

        Returns
        -------
        frame
            In the order of time: `time` (the first moment at which it holds), `subject`,
            `segment`, `entered` (else left).
        """
        live = self.live(state, begin, scores=scores, every=every, threads=threads)
        return live.advance(end, threads=threads)

    def live(
        self,
        state: State,
        time: Any,
        *,
        scores: Any = None,
        every: Any = "1h",
        threads: int | None = None,
    ) -> LiveSegments:
        """Keep memberships up from `time` on, with events and with time.

        Parameters
        ----------
        every
            How often rules are looked at whose outcome can't be followed through time to the
            microsecond: arithmetic over two ages, or over decayed sums.
        """
        self._check(state)
        micros = _micros(time)
        index = _core.SegmentIndex(
            state._core.state,
            self._compiled.rules(state._coded),
            micros,
            len(state._subjects),
            duration_micros(every, "every"),
            self._score_columns(state, scores),
            threads or 0,
        )
        return LiveSegments(self, state, index)

    # --- pictures ----------------------------------------------------------------------------

    def plot_sizes(self, state: State, times: Any, ax: Any = None, **how: Any) -> Any:
        """Draw sizes over time as lines; return the matplotlib axes. `how` as in `sizes`."""
        from ._plots import plot_sizes

        moments = [moment(_micros(t)).replace(tzinfo=None) for t in times]
        counts = np.array(
            [self._sizes(state, t, how.get("scores"), how.get("threads")) for t in times]
        )
        return plot_sizes(moments, self.names, counts, ax)

    def plot_overlap(self, state: State, time: Any, ax: Any = None, **how: Any) -> Any:
        """Draw which share of a segment (row) is in others too; return the matplotlib axes."""
        from ._plots import plot_overlap

        return plot_overlap(self.names, overlap_matrix(self.overlap(state, time, **how)), ax)

    # --- parts -------------------------------------------------------------------------------

    def _place(self, name: str) -> int:
        if name not in self._places:
            from ._syntax import near

            raise InvalidArgumentError(f"there is no segment {name!r}{near(name, self._places)}")
        return self._places[name]

    def _check(self, state: State) -> None:
        if not isinstance(state, State):
            raise InvalidArgumentError(
                f"want a state, as segments.replay(events) makes one, not {state!r}"
            )
        if state.plan._compiled.core.json != self.plan._compiled.core.json:
            raise InvalidArgumentError(
                "the state is of another plan than the segments'; make it with "
                "segments.replay(events)"
            )

    def _blocks(
        self, state: State, time: Any, scores: Any, threads: int | None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Memberships of all subjects, uint8 [subjects, segments], some at a time."""
        self._check(state)
        micros = _micros(time)
        columns = self._score_columns(state, scores)
        for first in range(0, len(state._subjects), _BLOCK):
            last = min(first + _BLOCK, len(state._subjects))
            subjects = np.arange(first, last, dtype=np.int32)
            times = np.full(last - first, micros, np.int64)
            yield first, self._read(state, subjects, times, columns, threads)

    def _read(
        self,
        state: State,
        subjects: np.ndarray,
        times: np.ndarray,
        scores: list[np.ndarray],
        threads: int | None,
    ) -> np.ndarray:
        rules = self._compiled.rules(state._coded)
        return rules.read(state._core.state, subjects, times, scores, threads or 0)

    def _columns_at(
        self, state: State, subjects: np.ndarray, times: np.ndarray, threads: int | None
    ) -> dict[str, np.ndarray]:
        """A column of booleans a segment; what a row asks as the one before is read once."""
        new = np.ones(len(times), bool)
        new[1:] = (subjects[1:] != subjects[:-1]) | (times[1:] != times[:-1])
        inside = self._read(state, subjects[new], times[new], [], threads)
        row = np.cumsum(new) - 1
        return {name: inside[row, place].astype(bool) for name, place in self._places.items()}

    def _score_columns(self, state: State, frame: Any) -> list[np.ndarray]:
        if not self._scores:
            return []
        if frame is None:
            raise InvalidArgumentError(
                f"rules ask for scores ({', '.join(self._scores)}): give scores=, a frame with a "
                f"row a subject"
            )
        table = Table(frame)
        ids = encode(table.column("subject", "subject"), "subject")
        codes = np.append(state._subjects.find_all(ids.ids.ids()), np.int32(-1))[ids.index]
        out = []
        for name in self._scores:
            millionths = read_numbers(table.column(name, f"score {name!r}"), repr(name))
            column = np.full(len(state._subjects), np.nan)
            known = codes >= 0
            column[codes[known]] = np.where(
                millionths[known] == _MISSING, np.nan, millionths[known] / _UNIT
            )
            out.append(column)
        return out


def overlap_frame(names: Sequence[str], counts: np.ndarray) -> Any:
    """Counts [segments, segments] as a frame."""
    columns: dict[str, Any] = {"segment": list(names)}
    for number, name in enumerate(names):
        columns[name] = counts[:, number]
    return make_frame(columns, loose_kind())


def overlap_matrix(frame: Any) -> np.ndarray:
    """Take the counts out of what `overlap` gives."""
    table = Table(frame)
    return np.array([np.asarray(table.column(name, name)) for name in table.columns[1:]]).T


def _micros(time: Any) -> int:
    return time_micros(time, "time")


def _again(segments: list[Segment], plan: Plan | None, scores: list[str]) -> SegmentSet:
    return SegmentSet(segments, plan=plan, scores=scores)
