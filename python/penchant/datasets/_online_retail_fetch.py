"""Online Retail from its public source: 305 daily CSV files, joined and checked as a whole.

The daily files carry no published hashes. What is pinned is the content of the joined table: all
rows and columns, whatever their order. One wrong, missing or additional line anywhere changes it.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather

from penchant.datasets._files import fetch_all
from penchant.datasets._online_retail_schema import COLUMNS
from penchant.errors import BadDataError

__all__ = ["JOINED", "days", "fetch", "fingerprint", "join", "read_joined"]

JOINED = "online_retail.feather"
"""Name of the joined table in the cache."""

CONTENT_SHA256 = "147195128863b6984ed71f9dcb52210b10bcb741aadf150060b272370d83d80c"
"""`fingerprint` of the published 541,909 lines."""

_URL = (
    "https://raw.githubusercontent.com/databricks/Spark-The-Definitive-Guide/"
    "4ba5601eb9b9aed1d01ab79775e3af228216ff6f/data/retail-data/by-day/"
)
_FIRST_DAY, _LAST_DAY = date(2010, 12, 1), date(2011, 12, 9)
_SATURDAY = 5
# Other days on which the shop took no order: Christmas, Easter, bank holidays.
_CLOSED = {
    date(2010, 12, 24),
    *(date(2010, 12, day) for day in range(26, 32)),
    date(2011, 1, 2),
    date(2011, 1, 3),
    date(2011, 4, 22),
    date(2011, 4, 24),
    date(2011, 4, 25),
    date(2011, 4, 29),
    date(2011, 5, 2),
    date(2011, 5, 30),
    date(2011, 8, 29),
}


def days() -> list[date]:
    """Return the 305 days that have a file."""
    span = (_LAST_DAY - _FIRST_DAY).days + 1
    every = (_FIRST_DAY + timedelta(days=i) for i in range(span))
    return [day for day in every if day.weekday() != _SATURDAY and day not in _CLOSED]


def fetch(cache: Path, progress: bool | None) -> None:
    """Download the daily files, join them, check the content, keep the joined table in `cache`.

    Raises
    ------
    BadDataError
        When the joined content is not the published one; the daily files are deleted, so that the
        next attempt starts afresh.
    UnavailableError
        When the source can't be reached; what has arrived is kept for the next attempt.
    """
    parts = cache / "by-day"
    jobs = [(f"{_URL}{day}.csv", f"{day}.csv", None) for day in days()]
    table = join(fetch_all(jobs, parts, progress))
    found = fingerprint(table)
    shutil.rmtree(parts)
    if found != CONTENT_SHA256:
        raise BadDataError(
            f"the {len(jobs)} daily files of Online Retail don't add up to the published content: "
            f"{table.num_rows} lines with fingerprint {found}, expected {CONTENT_SHA256}"
        )
    unfinished = cache / (JOINED + ".part")
    pa.feather.write_feather(table, unfinished, compression="zstd")
    unfinished.replace(cache / JOINED)


def join(paths: list[Path]) -> pa.Table:
    """Make one table of the daily files, sorted by time and invoice, customers as integers."""
    # The daily files write a customer as 17850.0.
    types = {**COLUMNS, "CustomerID": pa.float64()}
    options = pa.csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    table = pa.concat_tables(pa.csv.read_csv(path, convert_options=options) for path in paths)
    table = table.select(list(COLUMNS)).cast(pa.schema(COLUMNS.items())).combine_chunks()
    invoice = table["InvoiceNo"].to_numpy(zero_copy_only=False).astype(str)
    time = table["InvoiceDate"].cast(pa.int64()).to_numpy()
    return table.take(pa.array(np.lexsort((invoice, time))))  # stable: lines keep their order


def read_joined(path: Path, verify: bool) -> pa.Table:
    """Read the joined table from the cache and check its content again."""
    table = pa.feather.read_table(path)
    if verify and fingerprint(table) != CONTENT_SHA256:
        raise BadDataError(
            f"{path} does not hold the published lines any more. Delete it and load again, "
            "or pass verify=False if you changed it on purpose."
        )
    return table


def fingerprint(table: pa.Table) -> str:
    """Return the sha256 over the rows of `table`, whatever their order."""
    table = pa.table({name: table[name].cast(kind) for name, kind in COLUMNS.items()})
    columns = []
    for name in COLUMNS:
        column = table[name]
        if pa.types.is_string(column.type):
            # Codes in alphabetical order sort like the strings, and much faster.
            coded = column.combine_chunks().dictionary_encode()
            words = pc.sort_indices(coded.dictionary)
            rank = np.empty(len(words) + 1, np.int64)
            rank[words.to_numpy()] = np.arange(len(words))
            rank[-1] = -1
            code = pc.fill_null(coded.indices, len(words)).to_numpy(zero_copy_only=False)
            columns.append((rank[code], coded.dictionary.take(words).to_pylist()))
        elif pa.types.is_floating(column.type):
            columns.append((column.to_numpy() + 0.0, []))  # + 0.0: one zero, not two
        else:
            numbers = pc.fill_null(column.cast(pa.int64()), np.iinfo(np.int64).min)
            columns.append((numbers.to_numpy(zero_copy_only=False), []))
    order = np.lexsort([values for values, _ in reversed(columns)])
    digest = hashlib.sha256(f"{table.num_rows} rows".encode())
    for name, (values, words) in zip(COLUMNS, columns, strict=True):
        digest.update(name.encode())
        for word in words:
            text = word.encode()
            digest.update(len(text).to_bytes(4, "little") + text)
        little = np.ascontiguousarray(values[order]).astype(values.dtype.newbyteorder("<"))
        digest.update(little.tobytes())
    return digest.hexdigest()
