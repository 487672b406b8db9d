"""UCI Online Retail: 541,909 invoice lines of a British gift-ware shop, 2010-12-01 to 2011-12-09.

>>> from penchant.datasets import load, online_retail
>>> lines = load("online_retail", raw=True)                     # doctest: +SKIP
>>> events, report = online_retail.clean(lines)                 # doctest: +SKIP
>>> names = online_retail.catalog(lines)                        # doctest: +SKIP

`clean` is what ``load("online_retail")`` applies, with a count for every line it leaves out.
`benchmark_lines` and `benchmark_split` are a simpler rule and a fixed split, so that figures from
different places compare.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from penchant.datasets._files import File, Location
from penchant.datasets._frames import column_names, like, to_arrow
from penchant.datasets._info import Info, Spec
from penchant.datasets._online_retail_fetch import JOINED, read_joined
from penchant.datasets._online_retail_fetch import fetch as _fetch
from penchant.datasets._online_retail_match import match_cancellations
from penchant.datasets._online_retail_schema import COLUMNS
from penchant.errors import InvalidArgumentError

__all__ = [
    "BENCHMARK_TEST_START",
    "SPEC",
    "CleaningReport",
    "benchmark_lines",
    "benchmark_split",
    "catalog",
    "clean",
]

BENCHMARK_TEST_START = np.datetime64("2011-11-12T00:00:00", "ns")
"""Start of the 28 days that `benchmark_split` holds out."""

_GOODS = r"^[0-9]{5}[A-Z]*$"

_LINES = File(
    "online_retail.csv.gz", "24bb5fccf34d11309a5b1462ea4b875ebf120ec76fb38b2df2ddc308656f0623"
)


@dataclass(frozen=True)
class CleaningReport:
    """What `clean` did, in lines of the published file; every line is counted exactly once.

    ``lines == not_goods + adjustments + unpriced + cancellations + cancelled_purchases +
    purchases + anonymous_purchases``.

    Attributes
    ----------
    lines : int
        Lines that came in.
    not_goods : int
        Left out: the code is not five digits with letters after (postage, fees, vouchers, manual).
    adjustments : int
        Left out: quantity not above zero, yet no cancellation (stock written off, counting errors).
    unpriced : int
        Left out: price not above zero (samples, gifts, notes).
    cancellations : int
        Cancelling lines of goods, the sum of the next three.
    matched_cancellations : int
        Those whose purchase was found: same customer, product and quantity, the latest one that is
        not later and not cancelled yet.
    unmatched_cancellations : int
        Those with a customer but no such purchase (bought earlier, or cancelled in part).
    anonymous_cancellations : int
        Those with no customer, which can't be matched.
    cancelled_purchases : int
        Purchases that a matched cancellation took away; equal to `matched_cancellations`.
    purchases : int
        Purchases that stay, with a customer.
    anonymous_purchases : int
        Purchases that stay, with no customer: good for statistics of items, not for users.
    """

    lines: int
    not_goods: int
    adjustments: int
    unpriced: int
    cancellations: int
    matched_cancellations: int
    unmatched_cancellations: int
    anonymous_cancellations: int
    cancelled_purchases: int
    purchases: int
    anonymous_purchases: int

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)

    def __str__(self) -> str:
        width = max(len(name) for name in self.to_dict())
        return "\n".join(f"{name:<{width}}  {n:>9,}" for name, n in self.to_dict().items())


def clean(
    lines: Any,
    *,
    returns: Literal["drop", "keep"] = "drop",
    anonymous: Literal["keep", "drop"] = "keep",
) -> tuple[Any, CleaningReport]:
    """Turn invoice lines into events, with a count of everything that is left out.

    Parameters
    ----------
    lines : pandas, polars or pyarrow frame
        The columns as published (``load("online_retail", raw=True)``).
    returns : {"drop", "keep"}
        A cancelled purchase and its cancellation are both left out, or both kept: the purchase as
        ``"purchase"``, the cancellation as ``"return"`` with a positive quantity.
    anonymous : {"keep", "drop"}
        Keep lines with no customer (``customer`` is null) or leave them out.

    Returns
    -------
    events : frame of the same kind
        ``customer`` (int64, null where unknown), ``sku`` (str, upper case), ``ts`` (datetime64),
        ``event`` (``"purchase"``, ``"return"``), ``quantity`` (int64, above zero), ``price``
        (float64, GBP each), ``description``, ``invoice``, ``country``; in the order of the lines.
    report : CleaningReport
        Doesn't depend on `returns` and `anonymous`.

    Raises
    ------
    InvalidArgumentError
        Missing columns, or an unknown choice.
    """
    if returns not in ("drop", "keep"):
        raise InvalidArgumentError(f"returns is {returns!r}; it is 'drop' or 'keep'")
    if anonymous not in ("drop", "keep"):
        raise InvalidArgumentError(f"anonymous is {anonymous!r}; it is 'keep' or 'drop'")
    events, report = _clean(_published(lines), returns == "keep", anonymous == "keep")
    return like(events, lines), report


def benchmark_lines(lines: Any) -> Any:
    """Pick the 396,337 lines that published figures on this data are measured on.

    A line stays when it has a customer, is not a cancellation (invoice number starting with
    ``C``), has quantity and price above zero, and a stock code of five digits with nothing or
    letters after, compared in upper case. Cancelled purchases stay: this is a simpler rule than
    `clean`, chosen because others can repeat it in one line.

    Parameters
    ----------
    lines : pandas, polars or pyarrow frame
        The columns as published (``load("online_retail", raw=True)``).

    Returns
    -------
    frame of the same kind
        The columns of `clean`, every ``event`` a ``"purchase"``, in the order of the lines.
    """
    table = _published(lines)
    masks = _masks(table)
    keep = masks["goods"] & masks["priced"] & masks["positive"]
    keep &= masks["known"] & ~masks["cancellation"]
    return like(_events(table, np.flatnonzero(keep), masks["cancellation"]), lines)


def benchmark_split(purchases: Any) -> tuple[Any, Any]:
    """Split `benchmark_lines` at 2011-11-12 00:00: the last 28 days are the test.

    The test keeps the lines of customers *and* products that occur in train; the rest could not
    be answered by a model that knows train only. In distinct (customer, product) pairs:

    ==============================================  =========  ========  =======
    part                                            customers  products  pairs
    ==============================================  =========  ========  =======
    train                                           4,108      3,625     234,963
    test, customers seen in train                   1,301                42,243
    test, products seen in train too (returned)     1,300                41,840
    of these, pairs that repeat a train pair                             18,330
    of these, new pairs                             1,189                23,510
    ==============================================  =========  ========  =======

    Parameters
    ----------
    purchases : pandas, polars or pyarrow frame
        What `benchmark_lines` returned.

    Returns
    -------
    train, test : frames of the same kind
        Lines, not pairs, in the order given.
    """
    table = to_arrow(purchases)
    start = pa.scalar(BENCHMARK_TEST_START, pa.timestamp("ns"))
    late = pc.greater_equal(table["ts"].cast(pa.timestamp("ns")), start)
    train, test = table.filter(pc.invert(late)), table.filter(late)
    known = pc.and_(
        pc.is_in(test["customer"], value_set=pc.unique(train["customer"])),
        pc.is_in(test["sku"], value_set=pc.unique(train["sku"])),
    )
    return like(train, purchases), like(test.filter(known), purchases)


def catalog(lines: Any) -> Any:
    """List the products with a name, a usual price and how often they sold.

    Lines with no customer count here too.

    Parameters
    ----------
    lines : pandas, polars or pyarrow frame
        The columns as published, or the events of `clean` or `benchmark_lines`.

    Returns
    -------
    frame of the same kind
        One row a product, sorted by ``sku``: ``name`` (its most frequent description, the first in
        alphabetical order on a tie), ``price`` (lower median over lines, GBP), ``lines`` (int64),
        ``quantity`` (int64, sold in all), ``first_sold`` (datetime64).
    """
    if "StockCode" in column_names(lines):
        sold, _ = _clean(_published(lines), keep_returns=False, keep_anonymous=True)
    else:
        sold = to_arrow(lines)
        sold = sold.filter(pc.equal(sold["event"], "purchase"))
    # One thread: the order of groups, and with it the answer, is always the same.
    products = (
        sold.group_by("sku", use_threads=False)
        .aggregate([("sku", "count"), ("quantity", "sum"), ("ts", "min")])
        .sort_by("sku")
    )
    priced = sold.select(["sku", "price"]).sort_by([("sku", "ascending"), ("price", "ascending")])
    size = products["sku_count"].to_numpy()
    middle = np.cumsum(size) - size + (size - 1) // 2
    counts = sold.group_by(["sku", "description"], use_threads=False).aggregate(
        [("description", "count")]
    )
    counts = counts.filter(pc.is_valid(counts["description"])).sort_by(
        [("sku", "ascending"), ("description_count", "descending"), ("description", "ascending")]
    )
    sku = counts["sku"].to_numpy(zero_copy_only=False)
    first = np.flatnonzero(np.r_[True, sku[1:] != sku[:-1]]) if len(sku) else np.array([], int)
    named = counts.take(pa.array(first))
    row = pc.index_in(products["sku"], value_set=named["sku"])
    table = pa.table(
        {
            "sku": products["sku"],
            "name": named["description"].take(row),
            "price": priced["price"].take(pa.array(middle)),
            "lines": products["sku_count"],
            "quantity": products["quantity_sum"],
            "first_sold": products["ts_min"],
        }
    )
    return like(table, lines)


def _published(lines: Any) -> pa.Table:
    """Take the published columns of `lines` as Arrow, customers as integers."""
    table = to_arrow(lines)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InvalidArgumentError(
            f"not the published columns: {', '.join(missing)} missing; "
            "take the frame of load('online_retail', raw=True)"
        )
    fields = {}
    for name, kind in COLUMNS.items():
        column = table[name]
        if pa.types.is_floating(column.type):  # pandas' way of writing null
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        fields[name] = column.cast(kind)
    return pa.table(fields)


def _numpy(column: pa.ChunkedArray) -> np.ndarray:
    values: np.ndarray = column.to_numpy(zero_copy_only=False)
    return values


def _masks(table: pa.Table) -> dict[str, np.ndarray]:
    """One boolean [lines] for each thing a line can be."""
    sku = pc.utf8_upper(table["StockCode"])
    masks = {
        "goods": pc.match_substring_regex(sku, _GOODS),
        "cancellation": pc.starts_with(table["InvoiceNo"], "C"),
        "positive": pc.greater(table["Quantity"], 0),
        "priced": pc.greater(table["UnitPrice"], 0),
        "known": pc.is_valid(table["CustomerID"]),
    }
    return {name: _numpy(pc.fill_null(mask, False)) for name, mask in masks.items()}


def _clean(
    table: pa.Table, keep_returns: bool, keep_anonymous: bool
) -> tuple[pa.Table, CleaningReport]:
    masks = _masks(table)
    goods, known, cancellation = masks["goods"], masks["known"], masks["cancellation"]
    cancelling = goods & cancellation
    sold = goods & ~cancellation
    adjustment = sold & ~masks["positive"]
    unpriced = sold & masks["positive"] & ~masks["priced"]
    purchase = sold & masks["positive"] & masks["priced"]

    pairs = match_cancellations(
        customer=_numpy(pc.fill_null(table["CustomerID"], -1)),
        product=_numpy(
            pc.utf8_upper(table["StockCode"]).combine_chunks().dictionary_encode().indices
        ),
        quantity=_numpy(table["Quantity"]),
        time=_numpy(table["InvoiceDate"].cast(pa.timestamp("s")).cast(pa.int64())),
        purchase=purchase & known,
        cancellation=cancelling & known,
    )
    cancelled = np.zeros(len(goods), bool)
    cancelled[pairs[:, 0]] = True
    returned = np.zeros(len(goods), bool)
    returned[pairs[:, 1]] = True

    staying = purchase & ~cancelled
    report = CleaningReport(
        lines=len(goods),
        not_goods=int((~goods).sum()),
        adjustments=int(adjustment.sum()),
        unpriced=int(unpriced.sum()),
        cancellations=int(cancelling.sum()),
        matched_cancellations=len(pairs),
        unmatched_cancellations=int((cancelling & known).sum()) - len(pairs),
        anonymous_cancellations=int((cancelling & ~known).sum()),
        cancelled_purchases=int(cancelled.sum()),
        purchases=int((staying & known).sum()),
        anonymous_purchases=int((staying & ~known).sum()),
    )
    keep = staying if keep_anonymous else staying & known
    if keep_returns:
        keep = keep | cancelled | returned
    return _events(table, np.flatnonzero(keep), returned), report


def _events(table: pa.Table, rows: np.ndarray, returned: np.ndarray) -> pa.Table:
    """Event columns of the given rows; those marked in `returned` are returns."""
    taken = table.take(pa.array(rows))
    kind = np.where(returned[rows], "return", "purchase")
    return pa.table(
        {
            "customer": taken["CustomerID"],
            "sku": pc.utf8_upper(taken["StockCode"]),
            "ts": taken["InvoiceDate"].cast(pa.timestamp("ns")),
            "event": pa.array(kind, pa.string()),
            "quantity": pc.abs(taken["Quantity"]),
            "price": taken["UnitPrice"],
            "description": pc.utf8_trim_whitespace(taken["Description"]),
            "invoice": taken["InvoiceNo"],
            "country": taken["Country"],
        }
    )


def _read(place: Location) -> pa.Table:
    if place.kind == "cache":
        return read_joined(place.path / JOINED, place.verify)
    options = pa.csv.ConvertOptions(
        column_types=COLUMNS, null_values=[""], strings_can_be_null=True
    )
    return pa.csv.read_csv(io.BytesIO(place.read(_LINES)), convert_options=options)


SPEC = Spec(
    info=Info(
        name="online_retail",
        title="UCI Online Retail",
        licence="CC BY 4.0, as the UCI Machine Learning Repository lists it; the repository that "
        "carries the daily files is Apache-2.0",
        citation="D. Chen (2015). Online Retail. UCI Machine Learning Repository. "
        "DOI 10.24432/C5BW33.",
        url="https://github.com/databricks/Spark-The-Definitive-Guide/tree/"
        "4ba5601eb9b9aed1d01ab79775e3af228216ff6f/data/retail-data/by-day",
        facts={
            "lines": 541_909,
            "invoices": 25_900,
            "customers": 4_372,
            "stock_codes": 4_070,
            "countries": 38,
            "lines_without_customer": 135_080,
            "lines_without_description": 1_454,
            "cancelling_lines": 9_288,
        },
        roles={
            "subject": "customer",
            "item": "sku",
            "time": "ts",
            "type": "event",
            "value": "quantity",
        },
        tables=("events", "catalog"),
    ),
    files=(_LINES,),
    tables={
        "raw": _read,
        "events": lambda place: _clean(_read(place), False, True)[0],
        "catalog": lambda place: catalog(_read(place)),
    },
    fetch=_fetch,
    cached=(JOINED,),
)
