"""What came of checking many events: the good ones, the others, and what follows from the good."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import _core
from ..data._frames import _NO_ONE_TYPE, Source, frame_kind, loose_kind, make_frame
from ..data._times import duration_micros
from ._columns import Read

__all__ = ["Checked"]

_UTC = pa.timestamp("us", tz="UTC")
_ABSENT = np.iinfo(np.int64).min


def _texts(found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> pa.Array:
    """Codes, offsets and bytes as a column of texts, null where the code is -1."""
    codes, offsets, data = found
    distinct = pa.Array.from_buffers(
        pa.large_string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    index = pa.array(codes, mask=codes < 0)
    return pa.DictionaryArray.from_arrays(index, distinct).dictionary_decode()


def _plain_texts(found: tuple[np.ndarray, np.ndarray]) -> pa.Array:
    """Offsets and bytes as a column of texts, null where they are empty."""
    offsets, data = found
    texts = pa.Array.from_buffers(
        pa.large_string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.large_string()), texts)


def _times(micros: np.ndarray) -> pa.Array:
    return pa.array(micros, mask=micros == _ABSENT).cast(_UTC)


def _numbers(values: np.ndarray, kind: str) -> pa.Array:
    absent = values == _ABSENT
    if kind == "decimal":
        return pa.array(np.where(absent, 0, values) / 1e6, mask=absent)
    if kind == "boolean":
        return pa.array(values == 1, mask=absent)
    if kind == "time":
        return _times(values)
    return pa.array(values, mask=absent)


class Checked:
    """Events that passed, those that did not, and the counts of both.

    Attributes
    ----------
    table
        The core's columns, which features and sessions are made from.
    counts
        Events set aside, by reason.
    types
        Rows taken, by type.
    dropped
        Values that schemas left out: unknown fields of minimal types, and cells of a frame that
        their row's type has no field for.
    """

    def __init__(self, taxonomy: _core.Taxonomy, table: _core.EventTable, bad: Any) -> None:
        self._taxonomy = taxonomy
        self._bad = bad
        self._source: Source | None = None
        self._read: Read | None = None
        self._kind = loose_kind()
        self.table = table
        self.counts: dict[str, int] = dict(
            sorted(bad[4].items(), key=lambda one: (-one[1], one[0]))
        )
        self.dropped = int(bad[5])
        names = taxonomy.type_names()
        rows = np.bincount(table.type(), minlength=len(names))
        self.types: dict[str, int] = {
            name: int(count) for name, count in zip(names, rows, strict=True) if count
        }

    @classmethod
    def _of_frame(
        cls,
        taxonomy: _core.Taxonomy,
        table: _core.EventTable,
        bad: Any,
        source: Source,
        read: Read,
    ) -> Checked:
        out = cls(taxonomy, table, bad)
        out._source, out._read, out._kind = source, read, source.kind
        return out

    @classmethod
    def _of_lines(
        cls, taxonomy: _core.Taxonomy, table: _core.EventTable, bad: Any, kind: str | None
    ) -> Checked:
        out = cls(taxonomy, table, bad)
        out._kind = kind or out._kind
        return out

    @property
    def rejected(self) -> int:
        """Number of rows or lines set aside."""
        return len(self._bad[0])

    @property
    def messages(self) -> list[str]:
        """What was wrong with each, and where, in the order they came."""
        return list(self._bad[2])

    def __len__(self) -> int:
        return self.table.rows

    @cached_property
    def events(self) -> Any:
        """The good events as a frame of the kind that came in, a row a line.

        Ids are texts, times are UTC, decimals floats (`table` has them exactly). Columns that no
        schema knows stay, but not in rows of minimal types.
        """
        return make_frame(self._columns(), self._kind)

    def _columns(self) -> dict[str, pa.Array]:
        table = self.table
        event = pa.array(table.event())
        names = pa.array(self._taxonomy.type_names(), pa.large_string())
        out: dict[str, pa.Array] = {
            "event_id": _plain_texts(table.ids()).take(event),
            "type": names.take(pa.array(table.type())),
            "time": _times(table.time()),
            "received": _times(table.received()),
            "subject": _texts(table.subject()),
        }
        for space, found in table.identifiers():
            out[f"identifiers.{space}"] = _texts(found).take(event)
        out["item"] = _texts(table.item())
        out["order_id"] = _texts(table.order())
        out["quantity"] = _numbers(table.quantity(), "decimal")
        out["price"] = _numbers(table.price(), "decimal")
        for slot, (name, kind) in enumerate(self._taxonomy.slots()):
            values = table.slot(slot)
            if values is not None:
                name = name if name not in out else f"fields.{name}"
                out[name] = _texts(values) if kind == "text" else _numbers(values, kind)
        if self._source is None:
            out["extra"] = _plain_texts(table.extras()).take(event)
            out["context"] = _plain_texts(table.contexts()).take(event)
        always = ("type", "time", "subject")
        kept = {
            name: column
            for name, column in out.items()
            if name in always or column.null_count < len(column)
        }
        return {**kept, **self._unknown(kept)}

    def _unknown(self, taken: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """Columns of the frame that no schema knows."""
        if self._source is None or self._read is None:
            return {}
        good = np.ones(len(self._source), bool)
        good[self._bad[0]] = False
        at = pa.array(np.flatnonzero(good))
        minimal = pa.array(self._minimal())
        out: dict[str, pa.Array] = {}
        for name in self._source.columns:
            if name in self._read.used or name in taken:
                continue
            column = self._source.column(name, name)
            try:
                array = column if isinstance(column, pa.Array) else pa.array(column)
            except _NO_ONE_TYPE:
                array = pa.array([None if value is None else str(value) for value in column])
            array = array.take(at)
            if pc.any(minimal).as_py():
                array = pc.if_else(minimal, pa.scalar(None, array.type), array)
            out[name] = array
        return out

    def _minimal(self) -> np.ndarray:
        types = json.loads(self._taxonomy.to_json())["types"]
        return np.array([bool(one.get("minimal")) for one in types], bool)[self.table.type()]

    @cached_property
    def quarantine(self) -> Any:
        """What was set aside: rows as they came, or the numbers of lines (``line``, from 0).

        With columns ``reason``, ``message`` and ``payload_hash`` (XXH3-64, 16 hex digits).
        """
        rows, codes, messages, hashes, _, _ = self._bad
        names = np.array(_core.Taxonomy.reason_names(), dtype=object)
        reasons = names[codes]
        texts = {
            "message": pa.array(messages, pa.string()),
            "payload_hash": pa.array([f"{one:016x}" for one in hashes], pa.string()),
        }
        if self._source is None:
            lines = {"line": pa.array(rows), "reason": pa.array(reasons, pa.string())}
            return make_frame({**lines, **texts}, self._kind)
        mask = np.zeros(len(self._source), bool)
        mask[rows] = True
        taken = set(self._source.columns)
        prefix = "quarantine_" if taken & {"reason", *texts} else ""
        frame = self._source.rows(mask, f"{prefix}reason", reasons)
        return _with_texts(frame, {f"{prefix}{name}": column for name, column in texts.items()})

    def sessions(self, gap: Any = "30m") -> Any:
        """Visits, as a frame that is aligned with `events`.

        Columns: ``session_id`` (the same whatever else is in the log), ``session`` (0, 1, ... of
        the subject) and ``session_start``; null for rows that are in none: without a subject, or
        of types that a person does not do (``in_session: false``).

        Parameters
        ----------
        gap
            A longer pause ends a session.
        """
        ids, numbers, starts, _ = self.table.sessions(duration_micros(gap, "gap"))
        none = numbers < 0
        return make_frame(
            {
                "session_id": pa.array(ids, mask=none),
                "session": pa.array(numbers, mask=none),
                "session_start": _times(starts),
            },
            self._kind,
        )

    def baskets(self) -> Any:
        """Orders, as a frame that is aligned with `events`.

        Columns: ``basket`` (0, 1, ... in the order of time) and ``basket_time``, of its first row;
        null for rows without an order id.
        """
        basket, _, times = self.table.baskets()
        none = basket < 0
        at = times[np.where(none, 0, basket)] if len(times) else np.zeros(len(basket), np.int64)
        return make_frame(
            {
                "basket": pa.array(basket, mask=none),
                "basket_time": _times(np.where(none, _ABSENT, at)),
            },
            self._kind,
        )

    def __repr__(self) -> str:
        why = ", ".join(f"{reason} {count:,}" for reason, count in self.counts.items())
        return f"<Checked: {len(self):,} rows, {self.rejected:,} set aside{why and f' ({why})'}>"


def _with_texts(frame: Any, columns: dict[str, pa.Array]) -> Any:
    kind = frame_kind(frame)
    if kind == "pandas":
        return frame.assign(**{name: column.to_pylist() for name, column in columns.items()})
    if kind == "polars":
        import polars as pl

        return frame.with_columns(
            pl.Series(name, column.to_pylist(), dtype=pl.String) for name, column in columns.items()
        )
    for name, column in columns.items():
        frame = frame.append_column(name, column)
    return frame
