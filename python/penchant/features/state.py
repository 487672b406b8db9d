"""`State`: what a plan knows after the events it has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .. import _core
from ..data._frames import Table, make_frame
from ..data._ids import encode
from ..data._times import read_times
from ..data.ingest import arrow_ids
from ..errors import InvalidArgumentError
from ._columns import Events, Items, read_events, read_items

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
        self, plan: Plan, core: _core.FeatureState, events: Events, items: Items, roles: dict[str, str | None]
    ) -> None:
        self.plan = plan
        self.quarantine = events.quarantine
        self._core = core
        self._subjects = events.subject_ids
        self._items = events.item_ids
        self._texts = items.texts
        # Attribute of items -> code of each item.
        self._item_codes = {
            name: codes for name, (codes, _) in zip(items.texts, items.codes, strict=True)
        }
        self._roles = roles

    @classmethod
    def _replayed(
        cls,
        plan: Plan,
        frame: Any,
        *,
        roles: dict[str, str | None],
        fields: dict[str, str],
        catalog: Any,
        time_unit: str,
        threads: int | None,
    ) -> State:
        table = Table(frame)
        compiled = plan._compiled
        events = read_events(table, roles, fields, compiled, time_unit)
        items = read_items(events, table, catalog, roles["item"], compiled)
        core = _core.FeatureState(
            compiled.core, len(events.item_ids), items.codes, items.numbers
        )
        core.replay(
            events.times,
            events.types,
            events.subjects,
            events.items,
            events.numbers,
            events.codes,
            threads or 0,
        )
        return cls(plan, core, events, items, roles)

    def __len__(self) -> int:
        """Events that are in."""
        return int(self._core.rows)

    def __repr__(self) -> str:
        return f"State({len(self)} events, {self.nbytes / 2**20:.1f} MiB, {self.plan!r})"

    @property
    def nbytes(self) -> int:
        """Bytes of memory behind the features."""
        return int(self._core.bytes)

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
            A frame with a row a point: columns `subject`, `time`, and `item` where a feature asks
            for items.
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
        values = self._core.read(times, subjects, items, threads or 0)
        columns: dict[str, Any] = {
            name: table.column(name, name) for name in table.columns if name not in self.plan.columns
        }
        for (name, output), column in zip(self.plan._compiled.outputs, values, strict=True):
            columns[name] = self._decoded(output, column)
        return make_frame(columns, table.kind)

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
