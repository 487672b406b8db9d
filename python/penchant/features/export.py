"""A plan's values as files that feature stores read: entity keys, moments, a column a feature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..data._times import duration_micros, time_micros
from ..data.ingest import arrow_ids
from ..errors import InvalidArgumentError

if TYPE_CHECKING:
    from ._compile import Compiled
    from .state import State

__all__ = ["columns_of", "export_state"]

_ENTITIES = ("subject", "item", "pair")
_BATCH = 1 << 17  # rows whose values are in memory at a time
_TIME = pa.timestamp("us", "UTC")


def export_state(
    state: State,
    events: tuple[np.ndarray, np.ndarray, np.ndarray],
    path: str | Path,
    *,
    by: str,
    every: Any,
    until: Any,
    created: Any,
    threads: int | None,
) -> Path:
    """Write the rows; see `Plan.export`.

    Parameters
    ----------
    events
        Times, codes of subjects and of items of the events, each [n].
    """
    if by not in _ENTITIES:
        raise InvalidArgumentError(f"export: by is one of {', '.join(_ENTITIES)}, not {by!r}")
    wanted = [name for name in columns_of(state.plan._compiled, by) if name in state.plan.columns]
    if by == "subject" and state.plan.segments is not None:
        wanted += state.plan.segments.names
    if not wanted:
        raise InvalidArgumentError(
            f"export: no feature of the plan is of {by}s alone; name another `by`"
        )
    times, subjects, items = events
    if not len(times):
        raise InvalidArgumentError("export: there are no events")
    last = int(times.max()) + 1
    end = last if until is None else time_micros(until, "until")
    step = None if every is None else duration_micros(every, "every")
    made = last if created is None else time_micros(created, "created")
    keys = _Keys(by, subjects, items)
    # Just after each event of an entity, the first moment that knows it.
    moments = np.unique(np.column_stack([keys.of_events, times[keys.known] + 1]), axis=0)
    moments = moments[moments[:, 1] <= max(end, last)]
    target = Path(path)
    schema = None
    with _Writer(target) as writer:
        for codes, at in _batches(moments, times, step, end):
            subject, item = keys.points(codes)
            values = state._values(at, subject, item, threads)
            columns = _entity(state, by, subject, item)
            columns["event_timestamp"] = pa.array(at, _TIME)
            columns["created"] = pa.array(np.full(len(at), made), _TIME)
            columns |= {name: pa.array(values[name]) for name in wanted}
            table = pa.table(columns)
            schema = schema or table.schema
            writer.write(table.cast(schema))
    return target


def columns_of(compiled: Compiled, by: str) -> list[str]:
    """Columns that only the entity's own events change, and what the catalogue says of it."""
    own = {"subject": {"subject"}, "item": {"item"}, "pair": {"subject", "item"}}[by]
    fits: list[bool] = []
    for feature in compiled.features:
        kind = feature["kind"]
        if kind == "formula":
            over = [step["feature"] for step in feature["formula"] if isinstance(step, dict)]
            fits.append(bool(over) and all(fits[place] for place in over))
        elif kind in ("item_code", "item_number"):
            fits.append("item" in own)
        else:
            fits.append(
                kind not in ("hour", "weekday", "context") and set(feature.get("by", ())) == own
            )
    shown = {one["name"] for one, fit in zip(compiled.features, fits, strict=True) if fit}
    return [name for name, _ in compiled.outputs if name in shown]


class _Keys:
    """Entities as numbers: subjects, items, or pairs of them that met."""

    def __init__(self, by: str, subjects: np.ndarray, items: np.ndarray) -> None:
        self._by = by
        wide = int(items.max(initial=-1)) + 1
        self._wide = max(wide, 1)
        if by == "subject":
            self.known = subjects >= 0
            codes = subjects.astype(np.int64)
        elif by == "item":
            self.known = items >= 0
            codes = items.astype(np.int64)
        else:
            self.known = (subjects >= 0) & (items >= 0)
            codes = subjects.astype(np.int64) * self._wide + items
        self.of_events = codes[self.known]

    def points(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Subjects and items of entities, -1 where they have none."""
        nobody = np.full(len(codes), -1, np.int32)
        if self._by == "subject":
            return codes.astype(np.int32), nobody
        if self._by == "item":
            return nobody, codes.astype(np.int32)
        return (codes // self._wide).astype(np.int32), (codes % self._wide).astype(np.int32)


def _batches(
    moments: np.ndarray, times: np.ndarray, step: int | None, end: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Entities and moments by entity and time, some at a time, snapshots among the events."""
    if step is None:
        for first in range(0, len(moments), _BATCH):
            part = moments[first : first + _BATCH]
            yield np.ascontiguousarray(part[:, 0]), np.ascontiguousarray(part[:, 1])
        return
    first = (int(times.min()) // step + 1) * step
    grid = np.arange(first, end + 1, step, dtype=np.int64)
    begins = np.flatnonzero(np.r_[True, moments[1:, 0] != moments[:-1, 0]])
    ends = np.r_[begins[1:], len(moments)]
    held: list[np.ndarray] = []
    rows = 0
    for begin, stop in zip(begins, ends, strict=True):
        own = moments[begin:stop]
        more = grid[grid > own[0, 1]]
        at = np.unique(np.concatenate([own[:, 1], more]))
        held.append(np.column_stack([np.full(len(at), own[0, 0]), at]))
        rows += len(at)
        if rows >= _BATCH or stop == len(moments):
            both = np.concatenate(held)
            yield np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])
            held, rows = [], 0


def _entity(state: State, by: str, subject: np.ndarray, item: np.ndarray) -> dict[str, Any]:
    names = {role: state._roles[role] or role for role in ("subject", "item")}
    out: dict[str, Any] = {}
    if by != "item":
        out[names["subject"]] = arrow_ids(state._subjects, subject)
    if by != "subject":
        out[names["item"]] = arrow_ids(state._items, item)
    return out


class _Writer:
    """A Parquet file that is there when it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> _Writer:
        return self

    def write(self, table: pa.Table) -> None:
        if self._file is None:
            self._file = pq.ParquetWriter(self._part, table.schema)
        self._file.write_table(table)

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if failed is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
