"""From a table of events to the core's columns: the one way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _core
from ..errors import InvalidArgumentError
from ._frames import Source, Table
from ._ids import Encoded, encode
from ._times import UNKNOWN, duration_micros, read_times
from ._values import read_types, read_values, weigh_types
from .quarantine import Quarantine

__all__ = ["Columns", "Facts", "Options", "arrow_ids", "ingest"]

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
    anonymous: str = "quarantine"
    time_unit: str = "s"
    duplicates: str = "keep"

    def check(self) -> None:
        """Raise InvalidArgumentError on a choice there is not."""
        if self.anonymous not in ("quarantine", "keep"):
            raise InvalidArgumentError(
                f"anonymous is 'quarantine' or 'keep', not {self.anonymous!r}"
            )
        if self.duplicates not in ("keep", "drop"):
            raise InvalidArgumentError(f"duplicates is 'keep' or 'drop', not {self.duplicates!r}")


@dataclass
class Facts:
    """What became of the rows that came in."""

    rows: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    anonymous: int = 0
    duplicates: int = 0
    duplicates_dropped: bool = False
    columns: dict[str, str | None] = field(default_factory=dict)  # role -> column it came from


def _chosen_names(encoded: Encoded, items: np.ndarray, num_items: int) -> list[str]:
    """The most frequent name of each item, the first by letters among equals; "" for none."""
    out = [""] * num_items
    named = (items >= 0) & (encoded.index >= 0)
    width = max(len(encoded.ids), 1)
    pairs = items[named].astype(np.int64) * width + encoded.index[named]
    distinct, tally = np.unique(pairs, return_counts=True)
    order = np.lexsort((distinct % width, -tally, distinct // width))
    item_of = distinct[order] // width
    first = np.r_[True, item_of[1:] != item_of[:-1]] if len(order) else np.zeros(0, bool)
    texts = encoded.ids.ids()
    for at in order[first]:
        out[int(distinct[at] // width)] = str(texts[int(distinct[at] % width)])
    return out


def _item_names(
    source: Source, columns: Columns, options: Options, items: Encoded, good: np.ndarray
) -> list[str]:
    """Display names by item code, [] when nothing says them."""
    if options.catalog is None:
        if columns.item_name is None:
            return []
        names = encode(source.column(columns.item_name, "item name"), "item name")
        return _chosen_names(names, np.where(good, items.index, -1), len(items.ids))
    catalog = Table(options.catalog)
    item = columns.item if columns.item in catalog.columns else "item"
    name = columns.item_name or "name"
    if columns.item_name is None and name not in catalog.columns:
        return []
    listed = encode(catalog.column(item, "catalogue's item"), "item")
    names = encode(catalog.column(name, "item name"), "item name")
    # Codes of the catalogue to codes of the events; by text where one has integers.
    code = np.append(items.ids.find_all(listed.ids.ids()), np.int32(-1))
    return _chosen_names(names, code[listed.index], len(items.ids))


def _subjects(source: Source, columns: Columns, options: Options, out: Quarantine) -> Encoded:
    subjects = encode(source.column(columns.subject, "subject"), "subject")
    out.mark(subjects.faults)
    if options.anonymous == "quarantine":
        out.mark(subjects.missing)
    else:
        for mask, _ in subjects.missing:
            subjects.index[mask] = -1
    return subjects


def ingest(source: Source, columns: Columns, options: Options) -> tuple[_core.Dataset, Any, Facts]:
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
        The core's dataset, the frame of rows set aside, and the counts.

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
    item_names = _item_names(source, columns, options, items, good)
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
        item_names=item_names,
        half_life=half_life,
    )
    facts = Facts(rows=rows, quarantined=out.counts())
    return _counted(core, options, facts), out.frame(source), facts


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
