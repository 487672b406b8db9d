"""`Dataset`: a cleaned event log, the thing that models and pipelines are fitted on."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .. import _core
from ..errors import InvalidArgumentError, UnavailableError
from . import _repr
from ._catalog import attributes_hash
from ._frames import Arrays, Table, make_frame
from ._subjects import attribute_table
from ._times import moment, time_micros
from .ingest import Columns, Facts, Options, aligned, arrow_ids, ingest

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["Dataset"]


class Dataset:
    """Events with their ids, types, times and values; immutable.

    Make one with `Dataset.from_events` or `Dataset.from_interactions`. Rows are kept sorted and
    ids numbered in their own order, so a dataset depends on the set of events alone: whatever
    order the log came in, the hash, the interactions and every model fitted on them are the same.

    Examples
    --------
    >>> import pandas as pd, penchant as pn
    >>> log = pd.DataFrame({"subject": ["ann", "bob"], "item": [7, 7], "time": ["2024-05-01"] * 2})
    >>> pn.Dataset.from_events(log).num_items
    1
    """

    def __init__(
        self,
        core: _core.Dataset,
        *,
        kind: str = "pyarrow",
        quarantine: Any = None,
        facts: Facts | None = None,
        split: str | None = None,
        attributes: pa.Table | None = None,
        people: pa.Table | None = None,
    ) -> None:
        self._core = core
        self._kind = kind
        self._quarantine = quarantine
        self._facts = facts or Facts(rows=len(core))
        self._split = split
        self._attributes = attributes  # of the items
        self._people = people  # attributes of the subjects
        self._ids: dict[str, np.ndarray] = {}

    @classmethod
    def from_events(
        cls,
        frame: Any,
        subject: str = "subject",
        item: str = "item",
        time: str | None = "time",
        type: str | None = None,  # noqa: A002
        value: str | None = None,
        half_life: str | dt.timedelta | None = None,
        *,
        type_weights: Mapping[str, float] | None = None,
        item_name: str | None = None,
        catalog: Any = None,
        subjects: Any = None,
        anonymous: str = "quarantine",
        time_unit: str = "s",
        duplicates: str = "keep",
        unseen_items: str = "drop",
    ) -> Dataset:
        """Read a table of events, one row an event.

        Rows that can't be used are set aside with a reason each (`quarantine`) and counted in the
        `repr`; they are never dropped in silence and never fatal to the good ones. What happens to
        each kind of odd value is tabled in docs/data.md.

        Parameters
        ----------
        frame
            pandas, polars or pyarrow, eager.
        subject, item
            Columns of ids: strings, integers, or floats without fractions (read as integers).
        time
            Column of times (aware: converted to UTC; naive: read as UTC), dates, ISO 8601 texts or
            Unix time in `time_unit`. None for a log without times.
        type
            Column of event types. None: every event is of one type, "event".
        value
            Column of what an event counts (quantity, rating, seconds): finite, at least 0. None:
            every event counts 1.
        half_life
            An event this much older than the log's last event counts half as much in the
            interactions: "60d", a timedelta. None: age does not matter.
        type_weights
            Type -> what one event of it counts. The rest keep the defaults: purchase 1, cart 0.4,
            click 0.2, page_view 0.1, return 0, rejected 0, anything else 1.
        item_name
            Column of names for people to read, in `catalog` if that is given, else in `frame`
            (the most frequent one of each item).
        catalog
            A frame with a row an item: the column `item` (or one called so), and `item_name`
            (default "name"). Its further columns of texts, numbers, booleans and lists of texts or
            numbers become `item_attributes`, from which `Content` and `Hybrid` know an item.
        subjects
            A frame with a row a person: the column `subject` (or one called so, or the first). Its
            further columns of texts, numbers, booleans and lists of texts become
            `subject_attributes`, from which `Hybrid` and `Popular(by=...)` know a person without a
            history. Who has no events is left out.
        anonymous
            What to do with rows without a subject: "quarantine", or "keep" them for the statistics
            of items, where they count for nobody.
        time_unit
            Of times that are numbers: "s", "ms", "us" or "ns".
        duplicates
            "keep" or "drop" rows that equal another in all five columns; both are counted.
        unseen_items
            "drop" or "keep" items of the catalogue that no event has. Kept ones stay in every part
            of a split: an item just launched is known, and has no history.

        Raises
        ------
        InvalidArgumentError
            When a column is missing, or of a type that can't play its role, or an option makes no
            sense.
        """
        table = Table(frame)
        if time == "time" and time not in table.columns and subject in table.columns:
            raise InvalidArgumentError(
                f"no column 'time' to be the time; name yours with time=, or time=None for a log "
                f"without times. The frame's columns are: {', '.join(map(repr, table.columns))}"
            )
        columns = Columns(subject, item, time, type, value, item_name)
        options = Options(
            half_life,
            type_weights,
            catalog,
            subjects,
            anonymous,
            time_unit,
            duplicates,
            unseen_items,
        )
        core, quarantine, facts, attributes, people = ingest(table, columns, options)
        facts = dataclasses.replace(facts, columns=dataclasses.asdict(columns))
        return cls(
            core,
            kind=table.kind,
            quarantine=quarantine,
            facts=facts,
            attributes=attributes,
            people=people,
        )

    @classmethod
    def from_interactions(
        cls,
        subjects: Any,
        items: Any,
        values: Any = None,
        times: Any = None,
        *,
        half_life: str | dt.timedelta | None = None,
        time_unit: str = "s",
    ) -> Dataset:
        """Take loose arrays, one entry an event (pairs may repeat: their values add up).

        Parameters
        ----------
        subjects, items
            Ids [n], as in `from_events`.
        values
            Numbers [n]; 1 each when None.
        times
            Times [n], as in `from_events`; none when None.
        half_life, time_unit
            As in `from_events`.

        Raises
        ------
        InvalidArgumentError
            When lengths differ, or an array can't play its role.
        """
        arrays = {"subject": subjects, "item": items, "value": values, "time": times}
        source = Arrays({name: array for name, array in arrays.items() if array is not None})
        columns = Columns(
            "subject",
            "item",
            None if times is None else "time",
            value=None if values is None else "value",
        )
        core, quarantine, facts, _, _ = ingest(
            source, columns, Options(half_life=half_life, time_unit=time_unit)
        )
        return cls(core, kind=source.kind, quarantine=quarantine, facts=facts)

    # --- what it holds ---------------------------------------------------------------------------

    @property
    def num_subjects(self) -> int:
        """How many subjects have events."""
        return len(self._core.subjects)

    @property
    def num_items(self) -> int:
        """How many items have events."""
        return len(self._core.items)

    @property
    def num_events(self) -> int:
        """How many events there are, those of nobody known included."""
        return len(self._core)

    def __len__(self) -> int:
        return self.num_events

    def _ids_of(self, role: str, ids: _core.IdMap) -> np.ndarray:
        if role not in self._ids:
            array = ids.ids()
            array.setflags(write=False)
            self._ids[role] = array
        return self._ids[role]

    @property
    def subject_ids(self) -> np.ndarray:
        """Ids of the subjects, sorted: int64 or object (str) [num_subjects], read-only."""
        return self._ids_of("subject", self._core.subjects)

    @property
    def item_ids(self) -> np.ndarray:
        """Ids of the items, sorted: int64 or object (str) [num_items], read-only."""
        return self._ids_of("item", self._core.items)

    @property
    def item_names(self) -> np.ndarray | None:
        """Names of the items for people to read, object (str) [num_items], "" where unknown."""
        names = self._core.item_names
        return np.array(names, dtype=object) if names else None

    @property
    def item_attributes(self) -> Any:
        """What the catalogue says of the items: a frame, a row an item in the order of `item_ids`.

        Null where the catalogue lacks an item; None when it has no further columns.
        """
        if self._attributes is None:
            return None
        ids = arrow_ids(self._core.items, np.arange(self.num_items, dtype=np.int32))
        columns = {name: self._attributes[name] for name in self._attributes.column_names}
        return make_frame({"item": ids, **columns}, self._kind)

    @property
    def subject_attributes(self) -> Any:
        """What is known of the subjects beside events: a frame, a row each in order of their ids.

        Null where nothing is known of one; None when `from_events` got no `subjects`.
        """
        if self._people is None:
            return None
        ids = arrow_ids(self._core.subjects, np.arange(self.num_subjects, dtype=np.int32))
        columns = {name: self._people[name] for name in self._people.column_names}
        return make_frame({"subject": ids, **columns}, self._kind)

    def _person_table(self) -> Any:
        """The subjects' attributes as the core takes them; None where there are none."""
        return attribute_table(self._people, self.num_subjects)

    @property
    def types(self) -> dict[str, float]:
        """Types of the events, by name, with the weight of one event of each."""
        return dict(self._core.types)

    @property
    def time_range(self) -> tuple[dt.datetime, dt.datetime] | None:
        """Times (UTC) of the first and the last event; None without events or without times."""
        first, last = self._core.first_time, self._core.last_time
        return None if first is None or last is None else (moment(first), moment(last))

    @property
    def columns(self) -> dict[str, str | None]:
        """Which column of the frame played which role; empty where there was no frame."""
        return dict(self._facts.columns)

    @property
    def hash(self) -> str:
        """16 hex digits over ids, events, type weights, half-life and attributes.

        Equal data, equal hash.
        """
        out = str(self._core.hash())
        for role, table in (("", self._attributes), ("subjects", self._people)):
            if table is not None:
                both = out + role + attributes_hash(table)
                out = hashlib.blake2b(both.encode(), digest_size=8).hexdigest()
        return out

    @property
    def split(self) -> str | None:
        """Which part of what split this is; None for a whole log."""
        return self._split

    @property
    def quarantine(self) -> Any:
        """Rows set aside: a frame of the kind that came in, its columns and `reason`.

        Empty for the parts of a split and for what `filter` leaves.

        Raises
        ------
        UnavailableError
            After unpickling: a pickle keeps the counts (`quarantine_counts`), not the rows.
        """
        if self._quarantine is None:
            raise UnavailableError(
                "the rows set aside were not pickled with the dataset; "
                "their counts are in quarantine_counts, the rows in the log they came from"
            )
        return self._quarantine

    @property
    def quarantine_counts(self) -> dict[str, int]:
        """Rows set aside by reason."""
        return dict(self._facts.quarantined)

    def to_csr(self, weights: str = "value") -> scipy.sparse.csr_matrix:
        """Interactions as a sparse matrix [num_subjects, num_items], float32, a copy.

        Parameters
        ----------
        weights
            "value": sum over the pair's events of type weight * value * 2^(-age / half_life);
            "count": how many distinct times its events of positive weight have (lines of one
            basket are one visit), or how many they are where the log has no times; "binary": 1.
        """
        from scipy.sparse import csr_matrix

        pairs = self._core.interactions()
        choices = {
            "value": lambda: np.array(pairs.values),
            "count": lambda: pairs.counts.astype(np.float32),
            "binary": lambda: np.ones(pairs.nnz, np.float32),
        }
        if weights not in choices:
            raise InvalidArgumentError(
                f"weights is one of {', '.join(map(repr, choices))}, not {weights!r}"
            )
        shape = (self.num_subjects, self.num_items)
        offsets = pairs.offsets if len(pairs.offsets) else np.zeros(1, np.int64)
        return csr_matrix((choices[weights](), np.array(pairs.items), np.array(offsets)), shape)

    def to_frame(self) -> Any:
        """Events as a frame[subject, item, time, type, value] of the kind that came in, sorted.

        Times are naive and in UTC; a log without times has no such column. `from_events(frame,
        type="type", value="value", ...)` reads it back.
        """
        core = self._core
        names = pa.array([name for name, _ in core.types], pa.string())
        columns = {
            "subject": arrow_ids(core.subjects, core.subject_index),
            "item": arrow_ids(core.items, core.item_index),
            "time": pa.array(core.times).cast(pa.timestamp("us")),
            "type": names.take(pa.array(core.type_index)),
            "value": pa.array(core.values),
        }
        if self.num_events and core.first_time is None:
            del columns["time"]
        return make_frame(columns, self._kind)

    # --- parts of it -----------------------------------------------------------------------------

    def filter(
        self,
        *,
        types: Iterable[str] | str | None = None,
        subjects: Iterable[Any] | None = None,
        items: Iterable[Any] | None = None,
        since: Any = None,
        until: Any = None,
    ) -> Dataset:
        """Keep the events that meet every condition given.

        Ids and types without events left go; ages for `half_life` count from the last event left.

        Parameters
        ----------
        types
            Names of types, one or several.
        subjects, items
            Ids; unknown ones match nothing.
        since, until
            Times (ISO 8601 text, datetime, date): at or after `since`, before `until`.

        Raises
        ------
        InvalidArgumentError
            On a type the log has not, or a time in a log without.
        """
        core = self._core
        keep = np.ones(len(core), bool)
        if types is not None:
            wanted = {types} if isinstance(types, str) else set(types)
            there = [name for name, _ in core.types]
            if wanted - set(there):
                raise InvalidArgumentError(
                    f"no events of type {', '.join(map(repr, sorted(wanted - set(there))))}; "
                    f"the log's types are {', '.join(map(repr, there))}"
                )
            keep &= np.isin(core.type_index, [at for at, n in enumerate(there) if n in wanted])
        for ids, index, wanted_ids in (
            (core.subjects, core.subject_index, subjects),
            (core.items, core.item_index, items),
        ):
            if wanted_ids is not None:
                codes = ids.find_all(np.asarray(_listed(wanted_ids), dtype=object))
                keep &= np.isin(index, codes[codes >= 0])
        if since is not None or until is not None:
            if len(core) and core.first_time is None:
                raise InvalidArgumentError("the events have no times to filter by")
            if since is not None:
                keep &= core.times >= time_micros(since, "since")
            if until is not None:
                keep &= core.times < time_micros(until, "until")
        return self._part(keep, self._split)

    def _part(self, keep: np.ndarray, split: str | None) -> Dataset:
        """The rows where keep [num_events] holds, as a dataset with ids of its own."""
        core = self._core.filtered(keep.astype(np.uint8, copy=False))
        facts = Facts(
            rows=len(core),
            anonymous=int((core.subject_index < 0).sum()),
            duplicates=int(core.repeated_rows().sum()),
            columns=self._facts.columns,
        )
        empty = None if self._quarantine is None else self._quarantine[:0]
        return Dataset(
            core,
            kind=self._kind,
            quarantine=empty,
            facts=facts,
            split=split,
            attributes=aligned(self._attributes, self._core.items, core.items),
            people=aligned(self._people, self._core.subjects, core.subjects),
        )

    # --- as a Python object ----------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dataset):
            return NotImplemented
        return self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        return _repr.text(self._core, self._facts, self._split)

    def _repr_html_(self) -> str:
        return _repr.html(self._core, self._facts, self._split)

    def __getstate__(self) -> dict[str, Any]:
        core = self._core
        return {
            "subjects": core.subjects,
            "items": core.items,
            "columns": {
                name: np.array(getattr(core, name))
                for name in ("subject_index", "item_index", "times", "type_index", "values")
            },
            "types": core.types,
            "item_names": core.item_names,
            "half_life": core.half_life,
            "listed": core.listed,
            "attributes": self._attributes,
            "people": self._people,
            "kind": self._kind,
            "facts": dataclasses.asdict(self._facts),
            "split": self._split,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        core = _core.Dataset(
            state["subjects"],
            state["items"],
            **state["columns"],
            types=state["types"],
            item_names=state["item_names"],
            half_life=state["half_life"],
            listed=state["listed"],
        )
        Dataset.__init__(
            self,
            core,
            kind=state["kind"],
            facts=Facts(**state["facts"]),
            split=state["split"],
            attributes=state["attributes"],
            people=state.get("people"),
        )


def _listed(ids: Iterable[Any]) -> list[Any]:
    if isinstance(ids, (str, bytes)):
        raise InvalidArgumentError(f"give a list of ids, not the one text {ids!r}")
    return list(ids)
