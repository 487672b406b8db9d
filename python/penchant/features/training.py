"""The table that a ranker learns from: decisions, their candidates, and features as of then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..data._frames import Table, make_frame
from ..data._ids import encode
from ..data._times import read_times
from ..data.ingest import arrow_ids
from ..errors import InvalidArgumentError
from ._contexts import context_columns

if TYPE_CHECKING:
    from .state import State

__all__ = ["Candidates", "candidates_of", "training_frames"]


@dataclass
class Candidates:
    """Rows of candidates, those of a decision together.

    Attributes
    ----------
    group
        Number of the decision, ascending, int64 [n].
    subjects, items
        Codes, int32 [n].
    times
        Microseconds, int64 [n].
    labels
        float64 [n].
    contexts
        [plan's contexts] of float64 [n].
    """

    group: np.ndarray
    subjects: np.ndarray
    items: np.ndarray
    times: np.ndarray
    labels: np.ndarray
    contexts: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.group)

    def part(self, rows: slice) -> Candidates:
        """Some of the rows."""
        return Candidates(
            self.group[rows],
            self.subjects[rows],
            self.items[rows],
            self.times[rows],
            self.labels[rows],
            [one[rows] for one in self.contexts],
        )


@dataclass
class _Rows:
    """A frame of decisions or candidates as codes."""

    subjects: np.ndarray
    items: np.ndarray
    times: np.ndarray
    labels: np.ndarray


def _read(
    state: State,
    frame: Any,
    names: dict[str, str | None],
    label: str | None,
    time_unit: str,
    strangers: dict[Any, int],
) -> _Rows:
    table = Table(frame)
    of = state._columns(table, names)
    times, faults = read_times(table.column(str(of["time"]), "time"), time_unit)
    for mask, reason in faults:
        raise InvalidArgumentError(f"row {int(np.flatnonzero(mask)[0])}: {reason}")
    labels = np.ones(len(table))
    if label is not None:
        column = table.column(label, "label")
        labels = np.asarray(pa.array(column).cast(pa.float64()).to_numpy(zero_copy_only=False))
        if not np.isfinite(labels).all():
            row = int(np.flatnonzero(~np.isfinite(labels))[0])
            raise InvalidArgumentError(f"the label of row {row} is missing or not finite")
    items = state._codes(table, of["item"], "item", state._items)
    if (items < 0).any():
        row = int(np.flatnonzero(items < 0)[0])
        raise InvalidArgumentError(
            f"row {row}: an item that neither events nor catalogue have can't be a candidate"
        )
    return _Rows(_all_subjects(state, table, of["subject"], strangers), items, times, labels)


def _all_subjects(
    state: State, table: Table, name: str | None, strangers: dict[Any, int]
) -> np.ndarray:
    """Codes, where those without events have codes below -1 of their own, by `strangers`."""
    ids = encode(table.column(str(name), "subject"), "subject")
    external = ids.ids.ids()
    known = state._subjects.find_all(external).astype(np.int64)
    for place in np.flatnonzero(known < 0):
        known[place] = strangers.setdefault(external[place], -2 - len(strangers))
    return np.append(known, -1)[ids.index]


def _decisions(rows: _Rows) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each decision, by time, then subject; and the decision of each row."""
    order = np.lexsort((rows.subjects, rows.times))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(rows.times[order]) != 0) | (np.diff(rows.subjects[order]) != 0)
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    return order[new], group


def _decision_of(listed: _Rows, chosen: _Rows, first: np.ndarray) -> np.ndarray:
    """The decision of each listed row, -1 where it is of none."""
    who = np.unique(chosen.subjects[first])
    when = np.unique(chosen.times[first])

    def key(rows: _Rows, of: np.ndarray | slice) -> np.ndarray:
        subject = np.searchsorted(who, rows.subjects[of])
        time = np.searchsorted(when, rows.times[of])
        known = (subject < len(who)) & (time < len(when))
        known[known] = (who[subject[known]] == rows.subjects[of][known]) & (
            when[time[known]] == rows.times[of][known]
        )
        return np.where(known, time * len(who) + subject, -1)

    decisions = key(chosen, first)  # ascending, as decisions are
    wanted = key(listed, slice(None))
    place = np.searchsorted(decisions, wanted)
    found = (wanted >= 0) & (place < len(decisions))
    found[found] = decisions[place[found]] == wanted[found]
    return np.where(found, place, -1)


def _first_of_each(keys: np.ndarray) -> np.ndarray:
    """The first row of each key, ascending."""
    order = np.argsort(keys, kind="stable")
    new = np.ones(len(order), bool)
    new[1:] = np.diff(keys[order]) != 0
    return np.sort(order[new])


def candidates_of(
    state: State,
    decisions: Any,
    candidates: Any,
    names: dict[str, str | None],
    *,
    label: str | None,
    seed: int,
    time_unit: str,
) -> Candidates:
    """Put together decisions and their candidates; see `State.training_frame`."""
    strangers: dict[Any, int] = {}
    chosen = _read(state, decisions, names, label, time_unit, strangers)
    said = context_columns(Table(decisions), state.plan._compiled.contexts)
    first, group = _decisions(chosen)
    items, labels = chosen.items, chosen.labels
    width = len(state._items) + 1
    if isinstance(candidates, (int, np.integer)) and not isinstance(candidates, bool):
        if candidates < 1 or len(state._items) == 0:
            raise InvalidArgumentError(
                f"candidates is how many items to draw a decision, from 1 up, not {candidates}"
            )
        drawn = np.random.default_rng(seed).integers(
            0, len(state._items), (len(first), int(candidates)), dtype=np.int32
        )
        group = np.concatenate([group, np.repeat(np.arange(len(first)), drawn.shape[1])])
        items = np.concatenate([items, drawn.ravel()])
        labels = np.concatenate([labels, np.zeros(drawn.size)])
    elif candidates is not None:
        listed = _read(state, candidates, names, None, time_unit, strangers)
        place = _decision_of(listed, chosen, first)
        # What was chosen but is not among the candidates is nothing that could be ranked; of a
        # pair that was chosen twice the last label counts.
        pairs = group * width + items
        last = len(pairs) - 1 - _first_of_each(pairs[::-1])
        last = last[np.argsort(pairs[last])]
        group, items = place[place >= 0], listed.items[place >= 0]
        asked = group * width + items
        at = np.minimum(np.searchsorted(pairs[last], asked), len(last) - 1)
        labels = np.where(pairs[last][at] == asked, labels[last][at], 0.0)
    rows = _first_of_each(group * width + items)
    rows = rows[np.argsort(group[rows], kind="stable")]
    group = group[rows]
    return Candidates(
        group.astype(np.int64),
        np.maximum(chosen.subjects[first], -1)[group].astype(np.int32),
        items[rows].astype(np.int32),
        chosen.times[first][group].astype(np.int64),
        labels[rows].astype(np.float64),
        [one[first][group] for one in said],
    )


def training_frames(
    state: State, rows: Candidates, kind: str, block: int | None, threads: int | None
) -> Iterator[Any]:
    """Frames of whole decisions, of about `block` rows each (None: one of all)."""
    begin = 0
    ends = np.append(np.flatnonzero(np.diff(rows.group)) + 1, len(rows))
    while begin < len(rows):
        end = len(rows)
        if block is not None:
            last = int(np.searchsorted(ends, begin + block, side="right")) - 1
            end = int(ends[max(last, 0)])
            if end <= begin:  # one decision of more rows than a block
                end = int(ends[int(np.searchsorted(ends, begin, side="right"))])
        yield _frame(state, rows.part(slice(begin, end)), kind, threads)
        begin = end


def _frame(state: State, rows: Candidates, kind: str, threads: int | None) -> Any:
    columns: dict[str, Any] = {
        "group": rows.group,
        "subject": arrow_ids(state._subjects, rows.subjects)
        if len(state._subjects)
        else pa.nulls(len(rows), pa.large_string()),
        "time": pa.array(rows.times).cast(pa.timestamp("us", "UTC")),
        "item": arrow_ids(state._items, rows.items),
        "label": rows.labels,
    }
    columns |= state._values(rows.times, rows.subjects, rows.items, threads, rows.contexts)
    return make_frame(columns, kind)
