"""What is known of items beside events: their names, and any further columns of the catalogue."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .. import _core
from ..errors import InvalidArgumentError
from ._frames import Table
from ._ids import Encoded, encode, plain_type

__all__ = [
    "Catalog",
    "attribute_columns",
    "attributes_hash",
    "most_frequent_names",
    "read_catalog",
]


@dataclass
class Catalog:
    """What a catalogue says of the items that the dataset knows.

    Attributes
    ----------
    items
        Ids and codes of the events' items; with the catalogue's own where they are to be kept.
    names : list of str
        One an item, "" where unknown; empty when nothing says them.
    attributes : pyarrow.Table or None
        A row an item, null where the catalogue lacks it; None without further columns.
    listed : ndarray uint8 [items], or None
        1 for items that stay without events.
    """

    items: Encoded
    names: list[str]
    attributes: pa.Table | None = None
    listed: np.ndarray | None = None


def most_frequent_names(encoded: Encoded, items: np.ndarray, num_items: int) -> list[str]:
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


def _with_ids(items: Encoded, listed: _core.IdMap) -> Encoded:
    """The events' items and the catalogue's together, codes renumbered."""
    mine, theirs = items.ids.ids(), listed.ids()
    if len(mine) == 0:  # no event says which kind ids are
        both = listed
    elif items.ids.kind == "integer":
        if listed.kind != "integer":
            raise InvalidArgumentError(
                "catalog: its items are texts and those of the events integers; "
                "with unseen_items='keep' both must be of one kind"
            )
        both = _core.IdMap.from_integers(np.concatenate([mine, theirs]))
    else:
        both = _core.IdMap.from_strings([*mine.tolist(), *map(str, theirs.tolist())])
    code = np.append(both.find_all(mine), np.int32(-1)).astype(np.int32)
    return Encoded(both, code[items.index], items.missing, items.faults)


def attribute_columns(table: Table, left_out: set[str], role: str) -> dict[str, pa.Array]:
    """Columns that can be attributes: texts, numbers, booleans, lists of texts or of numbers."""
    out: dict[str, pa.Array] = {}
    for name in table.columns:
        if name in left_out:
            continue
        column = table.column(name, name)
        if isinstance(column, np.ndarray):
            try:
                column = pa.array(column, from_pandas=True)
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise InvalidArgumentError(
                    f"{role}: column {name!r} mixes types ({error}); convert it to one"
                ) from None
        column = plain_type(column)
        if _can_be_attribute(column.type):
            out[name] = column
    return out


def _can_be_attribute(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = kind.value_type
        return bool(types.is_string(inner) or types.is_large_string(inner)
                    or types.is_floating(inner) or types.is_integer(inner))  # fmt: skip
    return bool(types.is_large_string(kind) or types.is_integer(kind) or types.is_floating(kind)
                or types.is_boolean(kind))  # fmt: skip


def read_catalog(
    item: str, item_name: str | None, catalog: object, unseen: str, events: Encoded
) -> Catalog:
    """Read a catalogue and line it up with the events' items.

    Parameters
    ----------
    item, item_name
        Columns of the item's id and of its name.
    catalog
        A frame, a row an item; of several rows of one item the first counts.
    unseen
        "drop" or "keep" items that no event has.
    events
        The events' items.

    Raises
    ------
    InvalidArgumentError
        When a column is missing, or ids are of another kind than the events' and are to be kept.
    """
    table = Table(catalog)
    id_column = item if item in table.columns else "item"
    listed = encode(table.column(id_column, "catalogue's item"), "item")
    items = _with_ids(events, listed.ids) if unseen == "keep" else events
    num_items = len(items.ids)
    # Codes of the catalogue to codes of the data; by text where one has integers.
    code = np.append(items.ids.find_all(listed.ids.ids()), np.int32(-1)).astype(np.int32)
    row_item = code[listed.index]
    name = item_name or "name"
    names: list[str] = []
    if item_name is not None or name in table.columns:
        texts = encode(table.column(name, "item name"), "item name")
        names = most_frequent_names(texts, row_item, num_items)
    columns = attribute_columns(table, {id_column, name}, "catalog")
    marks = None
    if unseen == "keep":
        marks = np.zeros(num_items, np.uint8)
        marks[row_item[row_item >= 0]] = 1
    attributes = None
    if columns:
        known, first = np.unique(row_item, return_index=True)
        at = np.full(num_items, -1, np.int64)
        at[known[known >= 0]] = first[known >= 0]
        take = pa.array(at, mask=at < 0)
        attributes = pa.table({name: column.take(take) for name, column in columns.items()})
    return Catalog(items, names, attributes, marks)


def attributes_hash(table: pa.Table) -> str:
    """16 hex digits over names, types and values of the columns."""
    digest = hashlib.blake2b(digest_size=8)
    for name in table.column_names:
        digest.update(f"{name}\0{table[name].type}\0".encode())
        # The text of the values: a buffer may hold anything behind a null.
        for value in table[name].to_pylist():
            digest.update(repr(value).encode())
            digest.update(b"\0")
    return digest.hexdigest()
