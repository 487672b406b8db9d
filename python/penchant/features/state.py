"""`State`: what a plan knows after the events it has seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .. import _core
from ..data._frames import Table, make_frame
from ..data._ids import encode
from ..data._times import read_times
from ..data.ingest import arrow_ids
from ..errors import InvalidArgumentError
from ._columns import Events, Items, Texts, make_profiles, read_events, read_items, read_subjects
from ._contexts import SaidContexts, context_columns
from .training import Candidates, candidates_of, training_frames

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["State"]


class State:
    """What a plan knows after the events it has seen; `Plan.replay` makes one.

    Attributes
    ----------
    quarantine
        The rows that were set aside, with the reason, as a frame of the kind that came in.
    """

    def __init__(
        self,
        plan: Plan,
        core: _core.FeatureProfiles,
        events: Events,
        items: Items,
        roles: dict[str, str | None],
    ) -> None:
        self.plan = plan
        self.quarantine = events.quarantine
        self._core = core
        self._subjects = events.subject_ids
        self._items = events.item_ids
        self._texts = items.texts
        self._coded = Texts.of(events, items)
        self._roles = roles
        # What a pipeline's events said when they happened.
        self._said: SaidContexts | None = None

    @classmethod
    def _replayed_with_rows(
        cls,
        plan: Plan,
        frame: Any,
        *,
        roles: dict[str, str | None],
        fields: dict[str, str],
        catalog: Any,
        subjects: Any,
        time_unit: str,
        threads: int | None,
    ) -> tuple[State, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """What `Plan.replay` gives, and times, subjects and items of the events."""
        table = Table(frame)
        compiled = plan._compiled
        events = read_events(table, roles, fields, compiled, time_unit)
        items = read_items(events, table, catalog, roles["item"], compiled, plan._embeddings)
        items.subject_codes = read_subjects(events, subjects, roles["subject"], compiled)
        if compiled.segments:
            plan._check_rules()
            assert plan._rules is not None
            items.rules = plan._rules._compiled.document(Texts.of(events, items))
        core = make_profiles(compiled, events, items, threads)
        rows = (events.times, events.subjects, events.items)
        return cls(plan, core, events, items, roles), rows

    def __len__(self) -> int:
        """Events that are in."""
        return int(self._core.rows)

    def __repr__(self) -> str:
        return f"State({len(self)} events, {self.nbytes / 2**20:.1f} MiB, {self.plan!r})"

    @property
    def nbytes(self) -> int:
        """Bytes of memory behind the features."""
        return int(self._core.bytes)

    @property
    def memory(self) -> dict[str, dict[str, float]]:
        """Where `nbytes` lie, by whose rows are kept: "subject", "item", "category", "all", ...

        Of each the number of ``keys``, the ``bytes`` of their rows and totals, and ``bytes_each``,
        a key's share. What joint keys and segments need beside their rows is in `nbytes` alone.
        """
        return {
            name: {"keys": keys, "bytes": size, "bytes_each": size / max(keys, 1)}
            for name, keys, size in self._core.memory
        }

    def at(
        self,
        points: Any,
        subject: str | None = None,
        item: str | None = None,
        time: str | None = None,
        *,
        time_unit: str = "s",
        threads: int | None = None,
    ) -> Any:
        """Give every feature as of each point, from events strictly before its time.

        Parameters
        ----------
        points
            A frame with a row a point: columns `subject`, `time`, `item` where a feature asks for
            items, and those of the contexts that features ask for, by their names.
        subject, item, time
            What these are called; as in the events, or by their own names, where None.
        time_unit
            Of times that are numbers.
        threads
            All when None. The result doesn't depend on it.

        Returns
        -------
        frame
            Of the kind that came in: the columns of `points`, then those of the plan. Numbers are
            float64, not a number where unknown; items and attributes are as they came, null where
            unknown.

        Raises
        ------
        InvalidArgumentError
            When a column is missing or a point has no time.
        """
        table = Table(points)
        names = self._columns(table, {"subject": subject, "item": item, "time": time})
        times, faults = read_times(table.column(str(names["time"]), "time"), time_unit)
        for mask, reason in faults:
            raise InvalidArgumentError(f"points, row {int(np.flatnonzero(mask)[0])}: {reason}")
        subjects = self._codes(table, names["subject"], "subject", self._subjects)
        items = np.zeros(0, np.int32)
        if self.plan._compiled.uses_items:
            items = self._codes(table, names["item"], "item", self._items)
        contexts = context_columns(table, self.plan._compiled.contexts)
        columns: dict[str, Any] = {
            name: table.column(name, name)
            for name in table.columns
            if name not in self.plan.columns
        }
        values = self._values(times, subjects, items, threads, contexts)
        return make_frame(columns | values, table.kind)

    def training_frame(
        self,
        decisions: Any,
        candidates: Any = None,
        *,
        label: str | None = None,
        subject: str | None = None,
        item: str | None = None,
        time: str | None = None,
        seed: int = 0,
        time_unit: str = "s",
        threads: int | None = None,
    ) -> Any:
        """Make the table that a ranker learns from.

        Every decision (what one subject could choose from at one time) becomes a group of rows, a
        candidate each, with the plan's features strictly before that time.

        Parameters
        ----------
        decisions
            A frame with a row an item that was chosen, or shown: columns `subject`, `time`, `item`
            (named as in `at`), and those of contexts. Rows of one subject and time are one
            decision, of which the first says the contexts.
        candidates
            None: the rows of `decisions` are all there is (say which were chosen by `label`). A
            frame with the same three columns: what could have been chosen; what is among the
            decisions has its label, the rest 0, and lists of other moments are left out. A number:
            so many items drawn at random for each decision, from all that are known.
        label
            Column of `decisions` that says how good a choice was; 1 each where None.
        seed
            Of the draw.
        time_unit, threads
            As in `at`.

        Returns
        -------
        frame
            Of the kind of `decisions`, decisions in the order of time, then of subjects: `group`,
            `subject`, `time`, `item`, `label`, and the plan's columns. An item is at most once in
            a group.

        Raises
        ------
        InvalidArgumentError
            When a column is missing, a time or label is none, or an item is not known.
        """
        rows = self._candidates(
            decisions, candidates, label, (subject, item, time), seed, time_unit
        )
        frames = list(training_frames(self, rows, Table(decisions).kind, None, threads))
        if not frames:
            raise InvalidArgumentError("no decision has a candidate")
        return frames[0]

    def training_batches(
        self,
        decisions: Any,
        candidates: Any = None,
        *,
        rows: int = 1 << 18,
        label: str | None = None,
        subject: str | None = None,
        item: str | None = None,
        time: str | None = None,
        seed: int = 0,
        time_unit: str = "s",
        threads: int | None = None,
    ) -> Iterator[Any]:
        """Give `training_frame` in pieces of about `rows` rows, never parting a decision.

        Beside the codes of all candidates (28 bytes each), only one piece is in memory at a time.
        """
        if rows < 1:
            raise InvalidArgumentError(f"rows is from 1 up, not {rows}")
        all_rows = self._candidates(
            decisions, candidates, label, (subject, item, time), seed, time_unit
        )
        return training_frames(self, all_rows, Table(decisions).kind, rows, threads)

    def _candidates(
        self,
        decisions: Any,
        candidates: Any,
        label: str | None,
        names: tuple[str | None, str | None, str | None],
        seed: int,
        time_unit: str,
    ) -> Candidates:
        roles: dict[str, str | None] = dict(zip(("subject", "item", "time"), names, strict=True))
        return candidates_of(
            self, decisions, candidates, roles, label=label, seed=seed, time_unit=time_unit
        )

    def _values(
        self,
        times: np.ndarray,
        subjects: np.ndarray,
        items: np.ndarray,
        threads: int | None,
        contexts: list[np.ndarray] | None = None,
    ) -> dict[str, Any]:
        """The plan's columns for points of codes; contexts [plan's contexts][points], or none."""
        values = self._core.read(times, subjects, items, threads or 0, contexts or [])
        out = {
            name: self._decoded(output, column)
            for (name, output), column in zip(self.plan._compiled.outputs, values, strict=True)
            if name in self.plan._shown
        }
        if self.plan.segments is not None:
            out |= self.plan.segments._columns_at(self, subjects, times, threads)
        return out

    def _columns(self, table: Table, given: dict[str, str | None]) -> dict[str, str | None]:
        out: dict[str, str | None] = {}
        for role, name in given.items():
            as_events = self._roles[role]
            out[role] = name or (as_events if as_events in table.columns else role)
        return out

    @staticmethod
    def _codes(table: Table, name: str | None, role: str, known: _core.IdMap) -> np.ndarray:
        ids = encode(table.column(str(name), role), role)
        codes = np.append(known.find_all(ids.ids.ids()), np.int32(-1))
        return codes[ids.index].astype(np.int32)

    def _decoded(self, output: Any, column: np.ndarray) -> Any:
        if output == "number":
            return column
        codes = np.where(np.isnan(column), -1, column).astype(np.int32)
        ids = self._items if output == "item" else self._texts[output[1]]
        return arrow_ids(ids, codes) if len(ids) else pa.nulls(len(codes), pa.large_string())
