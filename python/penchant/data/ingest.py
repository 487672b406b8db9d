"""From a table of events to the core's columns: the one way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _core
from ..errors import InvalidArgumentError
from ._catalog import Catalog, most_frequent_names, read_catalog
from ._frames import Source
from ._ids import Encoded, encode
from ._subjects import read_subjects
from ._times import UNKNOWN, duration_micros, read_times
from ._values import read_types, read_values, weigh_types
from .quarantine import Quarantine

__all__ = ["Columns", "Facts", "Options", "aligned", "arrow_ids", "ingest"]

_ONLY_TYPE = "event"  # of a log without a type column


@dataclass(frozen=True)
class Columns:
    """Which column plays which role; None where the log has none."""

    subject: str
    item: str
    time: str | None
    type: str | None = None
    value: str | None = None
    item_name: str | None = None


@dataclass(frozen=True)
class Options:
    """How to read and weigh events; see `Dataset.from_events`."""

    half_life: Any = None
    type_weights: Mapping[str, float] | None = None
    catalog: Any = None
    subjects: Any = None
    anonymous: str = "quarantine"
    time_unit: str = "s"
    duplicates: str = "keep"
    unseen_items: str = "drop"

    def check(self) -> None:
        """Raise InvalidArgumentError on a choice there is not."""
        if self.anonymous not in ("quarantine", "keep"):
            raise InvalidArgumentError(
                f"anonymous is 'quarantine' or 'keep', not {self.anonymous!r}"
            )
        if self.duplicates not in ("keep", "drop"):
            raise InvalidArgumentError(f"duplicates is 'keep' or 'drop', not {self.duplicates!r}")
        if self.unseen_items not in ("keep", "drop"):
            raise InvalidArgumentError(
                f"unseen_items is 'keep' or 'drop', not {self.unseen_items!r}"
            )
        if self.unseen_items == "keep" and self.catalog is None:
            raise InvalidArgumentError("unseen_items='keep' needs catalog=, which lists them")


@dataclass
class Facts:
    """What became of the rows that came in."""

    rows: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    anonymous: int = 0
    duplicates: int = 0
    duplicates_dropped: bool = False
    columns: dict[str, str | None] = field(default_factory=dict)  # role -> column it came from


def _catalog(
    source: Source, columns: Columns, options: Options, items: Encoded, good: np.ndarray
) -> Catalog:
    """What is known of the items, from a catalogue or from the events' own column of names."""
    if options.catalog is not None:
        return read_catalog(
            columns.item, columns.item_name, options.catalog, options.unseen_items, items
        )
    if columns.item_name is None:
        return Catalog(items, [])
    names = encode(source.column(columns.item_name, "item name"), "item name")
    chosen = most_frequent_names(names, np.where(good, items.index, -1), len(items.ids))
    return Catalog(items, chosen)


def _subjects(source: Source, columns: Columns, options: Options, out: Quarantine) -> Encoded:
    subjects = encode(source.column(columns.subject, "subject"), "subject")
    out.mark(subjects.faults)
    if options.anonymous == "quarantine":
        out.mark(subjects.missing)
    else:
        for mask, _ in subjects.missing:
            subjects.index[mask] = -1
    return subjects


def ingest(
    source: Source, columns: Columns, options: Options
) -> tuple[_core.Dataset, Any, Facts, pa.Table | None, pa.Table | None]:
    """Read events.

    Parameters
    ----------
    source
        Where the columns are.
    columns
        Which is which.
    options
        How to read them.

    Returns
    -------
    tuple
        The core's dataset, the frame of rows set aside, the counts, and the items' and the
        subjects' attributes (a row an item, a subject of the dataset) where there are any.

    Raises
    ------
    InvalidArgumentError
        When a column is missing or of a type that can't play its role, or an option makes no sense.
    """
    options.check()
    half_life = None
    if options.half_life is not None:
        half_life = duration_micros(options.half_life, "half_life")
        if columns.time is None:
            raise InvalidArgumentError("half_life weighs events by age, but they have no times")
    if options.type_weights and columns.type is None:
        raise InvalidArgumentError("type_weights needs type=, the name of the column of types")
    rows = len(source)
    out = Quarantine(rows)
    subjects = _subjects(source, columns, options, out)
    items = encode(source.column(columns.item, "item"), "item")
    out.mark(items.faults + items.missing)
    times = np.full(rows, UNKNOWN, np.int64)
    if columns.time is not None:
        times, faults = read_times(source.column(columns.time, "time"), options.time_unit)
        out.mark(faults)
    names, types = [_ONLY_TYPE], np.zeros(rows, np.uint8)
    if columns.type is not None:
        names, types, faults = read_types(source.column(columns.type, "type"))
        out.mark(faults)
    values = np.ones(rows, np.float32)
    if columns.value is not None:
        values, faults = read_values(source.column(columns.value, "value"))
        out.mark(faults)
    good = out.good
    catalog = _catalog(source, columns, options, items, good)
    items = catalog.items
    everything = bool(good.all())

    def kept(column: np.ndarray) -> np.ndarray:
        return column if everything else column[good]

    core = _core.Dataset(
        subjects.ids,
        items.ids,
        subject_index=kept(subjects.index),
        item_index=kept(items.index),
        times=kept(times),
        type_index=kept(types),
        values=kept(values),
        types=weigh_types(names, options.type_weights),
        item_names=catalog.names,
        half_life=half_life,
        listed=[] if catalog.listed is None else catalog.listed.tolist(),
    )
    facts = Facts(rows=rows, quarantined=out.counts())
    core = _counted(core, options, facts)
    attributes = aligned(catalog.attributes, items.ids, core.items)
    people = None
    if options.subjects is not None:
        people = read_subjects(columns.subject, options.subjects, core.subjects)
    return core, out.frame(source), facts, attributes, people


def aligned(
    attributes: pa.Table | None, from_ids: _core.IdMap, to_ids: _core.IdMap
) -> pa.Table | None:
    """Rows by `from_ids` as rows by `to_ids`, which are among them."""
    if attributes is None or len(from_ids) == len(to_ids):
        return attributes
    return attributes.take(pa.array(from_ids.find_all(to_ids.ids())))


def _counted(core: _core.Dataset, options: Options, facts: Facts) -> _core.Dataset:
    """Count what is left into `facts`, and drop repeated rows where asked."""
    repeated = core.repeated_rows()
    facts.duplicates = int(repeated.sum())
    if options.duplicates == "drop" and facts.duplicates:
        facts.duplicates_dropped = True
        core = core.filtered(1 - repeated)
    facts.anonymous = int((core.subject_index < 0).sum())
    return core


def arrow_ids(ids: _core.IdMap, index: np.ndarray) -> pa.Array:
    """Ids by code as an Arrow column [n]; null where the code is -1."""
    known = ids.ids()
    values = pa.array(known) if ids.kind == "integer" else pa.array(known, pa.large_string())
    codes = pa.array(index, mask=index < 0)
    return pa.DictionaryArray.from_arrays(codes, values).dictionary_decode()
