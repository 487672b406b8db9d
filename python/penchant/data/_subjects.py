"""What is known of people beside events: the columns of a frame with a row a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import _core
from ..errors import InvalidArgumentError
from ._catalog import attribute_columns
from ._frames import Table
from ._ids import encode, plain_type, string_buffers

__all__ = ["attribute_table", "given_attributes", "is_vector", "read_subjects"]


def read_subjects(subject: str, frame: object, known: _core.IdMap) -> pa.Table | None:
    """Read a frame of people and line it up with the events' subjects.

    Parameters
    ----------
    subject
        Column of the id; where the frame has none of that name, "subject" or its first column.
    frame
        A row a person; of several rows of one the first counts.
    known
        The events' subjects; who is not among them is left out.

    Returns
    -------
    pyarrow.Table or None
        A row a subject, null where the frame lacks it; None without columns of attributes.

    Raises
    ------
    InvalidArgumentError
        When the ids or a column are of a type that can't be used.
    """
    table = Table(frame)
    if not table.columns:
        raise InvalidArgumentError("subjects: the frame has no columns; give ids and attributes")
    named = [name for name in (subject, "subject") if name in table.columns]
    id_column = named[0] if named else table.columns[0]
    listed = encode(table.column(id_column, "subjects' id"), "subject")
    # Codes of the frame to codes of the data; by text where one has integers.
    code = np.append(known.find_all(listed.ids.ids()), np.int32(-1)).astype(np.int32)
    row_subject = code[listed.index]
    columns = {
        name: column
        for name, column in attribute_columns(table, {id_column}, "subjects").items()
        if not is_vector(column.type)
    }
    if not columns:
        return None
    people, first = np.unique(row_subject, return_index=True)
    at = np.full(len(known), -1, np.int64)
    at[people[people >= 0]] = first[people >= 0]
    take = pa.array(at, mask=at < 0)
    return pa.table({name: column.take(take) for name, column in columns.items()})


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def is_vector(kind: pa.DataType) -> bool:
    return _is_list(kind) and not (
        pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
    )


def _texts(values: pa.Array, lengths: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    """Distinct texts, offsets by row and codes, of texts that stand row after row.

    Null and "" say nothing and are left out.
    """
    values = plain_type(values)
    keep = pc.fill_null(pc.not_equal(values, ""), False).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(lengths)), lengths)[keep]
    coded = values.filter(pa.array(keep)).dictionary_encode()
    order = pc.array_sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    distinct = coded.dictionary.take(pa.array(order))
    offsets = np.r_[0, np.cumsum(np.bincount(row, minlength=len(lengths)))].astype(np.int64)
    codes = rank[coded.indices.to_numpy(zero_copy_only=False)].astype(np.int32)
    return _core.IdMap.from_sorted_strings(*string_buffers(distinct)), offsets, codes


def attribute_table(table: pa.Table | None, rows: int) -> Any:
    """The core's form of attributes [rows]; None where there are none."""
    if table is None:
        return None
    columns: list[tuple[Any, ...]] = []
    for name in table.column_names:
        column = table[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            numbers = np.array(
                column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64
            )
            numbers[~np.isfinite(numbers)] = np.nan
            columns.append((name, numbers, None, None, None))
            continue
        if pa.types.is_boolean(kind):
            column = column.cast(pa.large_string())  # "true", "false"
        if _is_list(kind):
            lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
            texts, offsets, codes = _texts(column.flatten(), lengths.astype(np.int64))
        else:
            texts, offsets, codes = _texts(column, np.ones(len(column), np.int64))
        columns.append((name, None, texts, offsets, codes))
    return _core.AttributeTable(rows, columns)


def given_attributes(attributes: Any) -> dict[str, float | list[str]] | None:
    """Attributes of one person as the core takes them; None without any.

    Raises
    ------
    InvalidArgumentError
        On a value that is no text, number, boolean or list of texts.
    """
    if attributes is None:
        return None
    if not isinstance(attributes, Mapping):
        raise InvalidArgumentError(f"context['attributes'] must be a dict, not {attributes!r}")
    out: dict[str, float | list[str]] = {}
    for name, value in attributes.items():
        if value is None:
            continue
        plain = value.item() if isinstance(value, np.generic) else value
        if isinstance(plain, bool):
            out[str(name)] = ["true" if plain else "false"]
        elif isinstance(plain, (int, float)) and np.isfinite(plain):
            out[str(name)] = float(plain)
        elif isinstance(plain, str):
            out[str(name)] = [plain]
        elif isinstance(plain, Sequence) and all(isinstance(each, str) for each in plain):
            out[str(name)] = list(plain)
        else:
            raise InvalidArgumentError(
                f"context['attributes'][{name!r}] must be a text, a number, True, False or a list "
                f"of texts, not {value!r}"
            )
    return out or None
