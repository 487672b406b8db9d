"""A plan's state for a pipeline: of the dataset's own events, or of a richer table of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..data._frames import Table
from ..data._times import moment, read_times
from ..data.dataset import Dataset
from ..data.ingest import arrow_ids
from ..errors import InvalidArgumentError
from ._contexts import SaidContexts
from .plan import Plan
from .state import State

__all__ = ["check_plan", "fitted_profiles"]


def check_plan(plan: Any) -> None:
    """Refuse what is no plan.

    Raises
    ------
    InvalidArgumentError
    """
    if plan is not None and not isinstance(plan, Plan):
        raise InvalidArgumentError(
            f"Pipeline: features must be a Plan, as pn.features.Plan([...]) makes one, not "
            f"{type(plan).__name__}"
        )


def fitted_profiles(
    plan: Plan | None, train: Dataset, events: Any, threads: int | None
) -> State | None:
    """Replay what a pipeline is fitted on; see `Pipeline.fit`. None without a plan."""
    if plan is None:
        if events is not None:
            raise InvalidArgumentError("Pipeline.fit: events are for features=, which is None")
        return None
    tables = {"catalog": _catalog(train), "subjects": train.subject_attributes}
    asked = dict.fromkeys(name for name, _ in plan._compiled.contexts)
    if events is None:
        if asked:
            raise InvalidArgumentError(
                f"Pipeline.fit: features ask for contexts ({', '.join(map(repr, asked))}), which a "
                f"dataset doesn't keep; give events=, a table of events with a column of each"
            )
        return plan.replay(train.to_frame(), **tables, threads=threads)
    roles = train.columns
    upto = _upto(events, str(roles["time"]), train)
    fields = {}
    if "value" in plan._compiled.numbers and "value" not in upto.column_names and roles["value"]:
        fields["value"] = str(roles["value"])
    state = plan.replay(
        upto,
        subject=str(roles["subject"]),
        item=str(roles["item"]),
        time=str(roles["time"]),
        type=roles["type"],
        **tables,
        threads=threads,
        **fields,
    )
    if asked:
        state._said = _said(upto, roles, list(asked))
    return state


def _said(events: pa.Table, roles: dict[str, str | None], asked: list[str]) -> SaidContexts:
    table = Table(events)
    times, _ = read_times(table.column(str(roles["time"]), "time"), "s")
    columns = {name: table.column(name, f"context {name!r}") for name in asked}
    return SaidContexts(table.column(str(roles["subject"]), "subject"), times, columns)


def _catalog(train: Dataset) -> pa.Table | None:
    if train._attributes is None:
        return None
    items = arrow_ids(train._core.items, np.arange(train.num_items, dtype=np.int32))
    columns = {
        name: train._attributes[name] for name in train._attributes.column_names if name != "item"
    }
    return pa.table({"item": items, **columns})


def _upto(events: Any, time: str, train: Dataset) -> pa.Table:
    """The rows until the dataset's last event."""
    table = Table(events)
    times, _ = read_times(table.column(time, "time"), "s")
    last = train._core.last_time
    if last is None:
        raise InvalidArgumentError("Pipeline.fit: features want events with times")
    keep = times <= last
    if not keep.any():
        raise InvalidArgumentError(
            f"Pipeline.fit: none of the events is from {moment(last)} or before"
        )
    arrow = table._frame.to_arrow()
    return arrow if keep.all() else arrow.filter(pa.array(keep))
