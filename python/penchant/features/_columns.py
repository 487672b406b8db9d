"""From frames to the columns of codes and whole numbers that the core takes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _core
from ..data._frames import Column, Table
from ..data._ids import Encoded, encode
from ..data._times import read_times
from ..data.quarantine import Quarantine
from ..errors import InvalidArgumentError
from ._compile import SUBJECT, Compiled
from ._embeddings import Embedding

__all__ = [
    "Events",
    "Items",
    "Texts",
    "make_profiles",
    "read_events",
    "read_items",
    "read_numbers",
    "read_subjects",
]

_UNIT = 1_000_000
_MISSING = np.iinfo(np.int64).min
_LARGEST = 9_223_372_036_854  # units that millionths in 64 bits hold
_READERS = min(8, os.cpu_count() or 1)  # columns that are read at a time


@dataclass
class Events:
    """Columns [n] for the core, and the ids behind their codes."""

    times: np.ndarray
    types: np.ndarray
    subjects: np.ndarray
    items: np.ndarray
    numbers: list[np.ndarray]
    codes: list[np.ndarray]
    subject_ids: _core.IdMap
    item_ids: _core.IdMap
    code_ids: list[_core.IdMap]
    quarantine: Any


@dataclass
class Items:
    """What is known of items: codes and their texts, numbers, vectors [items, width].

    And of subjects: codes of their attributes.
    """

    codes: list[np.ndarray]
    texts: dict[str, _core.IdMap]
    numbers: list[np.ndarray]
    vectors: list[np.ndarray]
    subject_codes: list[np.ndarray] = field(default_factory=list)  # of subjects, by attribute
    rules: str = ""  # of segments that keys are by


@dataclass(frozen=True)
class Texts:
    """Whose codes the texts in rules of segments are: ids of items, and of their attributes.

    `of_item` has the code of each item, by attribute.
    """

    items: _core.IdMap
    attributes: dict[str, _core.IdMap]
    of_item: dict[str, np.ndarray]

    @classmethod
    def of(cls, events: Events, items: Items) -> Texts:
        return cls(events.item_ids, items.texts, dict(zip(items.texts, items.codes, strict=True)))


def make_profiles(
    compiled: Compiled, events: Events, items: Items, threads: int | None
) -> _core.FeatureProfiles:
    """Replay the events in the core."""
    return _core.FeatureProfiles(
        compiled.core,
        events.subject_ids,
        events.item_ids,
        [
            (codes, items.texts[name])
            for name, codes in zip(compiled.item_codes, items.codes, strict=True)
        ],
        items.numbers,
        events.code_ids,
        events.times,
        events.types,
        events.subjects,
        events.items,
        events.numbers,
        events.codes,
        items.vectors,
        threads or 0,
        items.subject_codes,
        items.rules,
    )


def read_numbers(column: Column, what: str) -> np.ndarray:
    """Numbers as millionths, rounded half away from zero; the smallest integer where missing.

    Raises
    ------
    InvalidArgumentError
        When the column holds no numbers, or one beyond 9.2e12.
    """
    array = column
    if isinstance(array, np.ndarray):
        try:
            array = pa.array([None if x is None else float(x) for x in column], pa.float64())
        except (TypeError, ValueError):
            raise InvalidArgumentError(
                f"the column of {what} holds something else than numbers"
            ) from None
    kind = array.type
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int64())
    elif pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise InvalidArgumentError(f"the column of {what} holds {kind}; it has to be numbers")
    if pa.types.is_integer(array.type):
        whole = array.cast(pa.int64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False)
        out, wrong = _core.whole_millionths(whole)
        if array.null_count:
            out[array.is_null().to_numpy(zero_copy_only=False)] = _MISSING
    else:
        floats = array.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
        out, wrong = _core.millionths(floats)
    if wrong < len(out):
        raise InvalidArgumentError(
            f"the column of {what}, row {wrong}: the number is infinite or beyond {_LARGEST:,}"
        )
    return out


def _types(table: Table, column: str | None, wanted: list[str]) -> np.ndarray:
    """Codes of event types; those that the plan doesn't name share the last."""
    if column is None:
        if len(wanted) > 1:
            raise InvalidArgumentError(
                f"features ask for events of {len(wanted)} types ({', '.join(wanted)}), but no "
                f"column tells types apart; name it with type="
            )
        return np.zeros(len(table), np.int32)
    array = table.column(column, "type")
    places = {name: code for code, name in enumerate(wanted)}

    def codes_of(texts: Column) -> np.ndarray:
        names = encode(texts, "type")
        of = [places.get(str(x), len(wanted)) for x in names.ids.ids()] + [len(wanted)]
        return np.array(of, np.int32)[names.index]

    if not isinstance(array, pa.DictionaryArray):
        return codes_of(array)
    # Texts that a column keeps apart are looked at once each.
    rows = array.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return np.append(codes_of(array.dictionary), np.int32(len(wanted)))[rows]


def _check_fields(fields: dict[str, str], compiled: Compiled) -> None:
    known = [*compiled.numbers, *(code for code in compiled.codes if code != SUBJECT)]
    for name in fields:
        if name not in known:
            there = ", ".join(map(repr, known)) or "none"
            raise InvalidArgumentError(f"the plan has no field {name!r}; its fields are: {there}")


def read_events(
    table: Table,
    roles: dict[str, str | None],
    fields: dict[str, str],
    compiled: Compiled,
    time_unit: str,
) -> Events:
    """Read what the plan needs of a frame of events."""
    _check_fields(fields, compiled)
    if roles["type"] is None and "type" in table.columns:
        roles = roles | {"type": "type"}
    out = Quarantine(len(table))

    def times() -> tuple[np.ndarray, Any]:
        return read_times(table.column(str(roles["time"]), "time"), time_unit)

    def ids(name: str, role: str) -> Encoded:
        return encode(table.column(name, role), role)

    def number(name: str) -> np.ndarray:
        return read_numbers(table.column(fields.get(name, name), f"{name!r}"), repr(name))

    has_items = roles["item"] is not None and (
        roles["item"] in table.columns or compiled.uses_items
    )
    with ThreadPoolExecutor(_READERS) as readers:
        # Arrow and NumPy work on several columns at a time; what goes wrong is told in this order.
        reading_times = readers.submit(times)
        reading_subjects = readers.submit(ids, str(roles["subject"]), "subject")
        reading_items = readers.submit(ids, str(roles["item"]), "item") if has_items else None
        reading_types = readers.submit(_types, table, roles["type"], list(compiled.types))
        reading_numbers = [readers.submit(number, name) for name in compiled.numbers]
        reading_codes = {
            name: readers.submit(ids, fields.get(name, name), name)
            for name in compiled.codes
            if name != SUBJECT
        }
        all_times, faults = reading_times.result()
        out.mark(faults)
        subjects = reading_subjects.result()
        out.mark(subjects.faults)
        items = reading_items.result() if reading_items else _no_items(len(table))
        out.mark(items.faults)
        types = reading_types.result()
        numbers = [reading.result() for reading in reading_numbers]
        codes, code_ids = [], []
        for name in compiled.codes:
            coded = subjects if name == SUBJECT else reading_codes[name].result()
            codes.append(_present(coded))
            code_ids.append(_core.IdMap.from_strings([]) if name == SUBJECT else coded.ids)
    good = out.good
    every = bool(good.all())

    def kept(column: np.ndarray) -> np.ndarray:
        return column if every else column[good]

    return Events(
        kept(all_times),
        kept(types),
        kept(_present(subjects)),
        kept(_present(items)),
        [kept(one) for one in numbers],
        [kept(one) for one in codes],
        subjects.ids,
        items.ids,
        code_ids,
        out.frame(table),
    )


def _no_items(rows: int) -> Encoded:
    return encode(pa.nulls(rows, pa.large_string()), "item")


def _present(ids: Encoded) -> np.ndarray:
    """Codes, -1 also where the id is an empty text."""
    index = ids.index
    for mask, _ in ids.missing:
        index = np.where(mask, np.int32(-1), index)
    return index


def _known_in(events: Events, listed: Encoded) -> np.ndarray:
    """Make items of the catalogue known too; the catalogue's row of each item, -1 where none."""
    union, events.items = _united(events.item_ids, listed.ids, events.items, "item")
    events.item_ids = union
    return _rows_of(union, listed)


def _united(
    ids: _core.IdMap, more: _core.IdMap, codes: np.ndarray, role: str
) -> tuple[_core.IdMap, np.ndarray]:
    """All ids of both, and the codes of the first as codes of all."""
    if not len(ids):
        return more, codes
    texts = "string" in (ids.kind, more.kind)
    kind = pa.large_string() if texts else pa.int64()
    both = [pa.array(one.ids()).cast(kind) for one in (ids, more)]
    union = encode(pa.concat_arrays(both), role).ids
    places = np.append(union.find_all(ids.ids()), np.int32(-1))
    return union, places[codes].astype(np.int32)


def _rows_of(union: _core.IdMap, listed: Encoded) -> np.ndarray:
    """The row of a table, the last, where each id is listed; -1 where it is not."""
    row_of = np.full(len(listed.ids) + 1, -1, np.int64)
    row_of[listed.index] = np.arange(len(listed.index))
    row_of[-1] = -1
    return row_of[listed.ids.find_all(union.ids())]


def read_subjects(
    events: Events, frame: Any, key: str | None, compiled: Compiled
) -> list[np.ndarray]:
    """Read what the plan names of subjects' attributes, and make the frame's subjects known.

    Raises
    ------
    InvalidArgumentError
        When the plan asks for attributes and there is no frame, or it lacks one.
    """
    if not compiled.subject_codes:
        return []
    if frame is None:
        there = ", ".join(map(repr, compiled.subject_codes))
        raise InvalidArgumentError(
            f"features ask for attributes of subjects ({there}); give a frame with a row a "
            f"subject: subjects="
        )
    table = Table(frame)
    name = key if key in table.columns else "subject"
    listed = encode(table.column(str(name), "subject"), "subject")
    places = [number for number, code in enumerate(compiled.codes) if code == SUBJECT]
    union, events.subjects = _united(events.subject_ids, listed.ids, events.subjects, "subject")
    events.subject_ids = union
    for place in places:
        events.codes[place] = events.subjects
    rows = _rows_of(union, listed)
    out = []
    for attribute in compiled.subject_codes:
        coded = encode(table.column(attribute, f"attribute {attribute!r} of subjects"), attribute)
        codes = np.append(_present(coded), np.int32(-1))[rows].astype(np.int32)
        # Codes of the texts that these subjects have.
        known = np.unique(codes[codes >= 0])
        out.append(np.where(codes < 0, -1, np.searchsorted(known, codes)).astype(np.int32))
    return out


def _last_rows(events: Events) -> np.ndarray:
    """The row of each item's last event."""
    order = np.argsort(events.times, kind="stable")
    rows = np.full(len(events.item_ids) + 1, -1, np.int64)
    rows[events.items[order]] = order
    return rows[:-1]


def read_items(
    events: Events,
    table: Table,
    catalog: Any,
    key: str | None,
    compiled: Compiled,
    embeddings: Mapping[str, Embedding] | None = None,
) -> Items:
    """Read what the plan names of attributes, from the catalogue or from the events."""
    source = table
    rows: np.ndarray
    if catalog is not None:
        source = Table(catalog)
        name = key if key in source.columns else "item"
        rows = _known_in(events, encode(source.column(str(name), "item"), "item"))
    else:
        rows = _last_rows(events)
    at = pa.array(rows, mask=rows < 0)

    def column(name: str) -> Column:
        values = source.column(name, f"attribute {name!r} of items")
        if isinstance(values, np.ndarray):
            return np.array([None if r < 0 else values[r] for r in rows], dtype=object)
        return values.take(at)

    given = embeddings or {}
    out = Items([], {}, [], [given[one].rows(events.item_ids) for one in compiled.embeddings])
    for name in compiled.item_codes:
        coded = encode(column(name), name)
        out.codes.append(_present(coded))
        out.texts[name] = coded.ids
    for number in compiled.item_numbers:
        if isinstance(number, str):
            out.numbers.append(_floats(column(number), number))
        elif number[0] in ("is", "has"):
            out.numbers.append(_matches(encode(column(number[1]), number[1]), *number[::2]))
        else:
            _, price, within = number
            groups = _present(encode(column(within), within))
            out.numbers.append(_tiers(_floats(column(price), price), groups))
    return out


def _matches(texts: Encoded, how: str, wanted: str) -> np.ndarray:
    """1 where a text is `wanted` (or has it as a word), 0 where not, not a number without text."""
    ids = [str(one) for one in texts.ids.ids()]
    if how == "has":
        of = [wanted.casefold() in re.findall(r"[^\W_]+", one.casefold()) for one in ids]
    else:
        of = [one == wanted for one in ids]
    index = _present(texts)
    return np.where(index < 0, np.nan, np.array([*of, False], float)[index])


def _floats(column: Column, what: str) -> np.ndarray:
    millionths = read_numbers(column, repr(what))
    return np.where(millionths == _MISSING, np.nan, millionths / _UNIT)


def _tiers(prices: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Of each item, the share of its group that is cheaper, equals (itself too) half."""
    out = np.full(len(prices), np.nan)
    for group in np.unique(groups[groups >= 0]):
        members = np.flatnonzero((groups == group) & ~np.isnan(prices))
        own = np.sort(prices[members])
        below = np.searchsorted(own, prices[members], side="left")
        upto = np.searchsorted(own, prices[members], side="right")
        out[members] = (below + upto) / 2 / len(own)
    return out
