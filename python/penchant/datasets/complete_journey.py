"""Complete Journey: a year of grocery purchases, with products, households, campaigns, coupons.

The public package holds R data frames only, so there is nothing here that downloads them: the CSV
files have to lie in the data folder. ``transactions`` is the sample of 75,000 lines that the
package ships, ``promotions`` a sample too; the other tables are complete. A few lines of the sample
have a quantity of zero.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from penchant.datasets._files import File, Location
from penchant.datasets._info import Info, Spec

__all__ = ["SPEC"]

_FILES = {
    "transactions": File(
        "transactions_sample.csv.gz",
        "762f1dd023b58e4ee4affb19fe6f7f61e198cd8e5922ad16f5c0c13d6e89e115",
    ),
    "products": File(
        "products.csv.gz", "2e0539a1db9c78a1f383e08248a55c85b9e7c5b11e6b3abc2f5f27e9ba123387"
    ),
    "demographics": File(
        "demographics.csv.gz", "ede305eccbc45adf86750c1564dfee99a6c3e5e908393d3fd12e66f538c18c01"
    ),
    "campaigns": File(
        "campaigns.csv.gz", "f49bbc9cb3f9d9bf1a224034ecab502407ae179ae16647a21b68e35473cb6ce1"
    ),
    "campaign_descriptions": File(
        "campaign_descriptions.csv.gz",
        "d040a0bf77fa05c4790b1abdbcdc7e8835b00dab9d56e1b58974266257a5cbcc",
    ),
    "coupons": File(
        "coupons.csv.gz", "207636c5208e920046dc06678ecc4da280ca125a6c90869a1cedb8f7dc55f62c"
    ),
    "coupon_redemptions": File(
        "coupon_redemptions.csv.gz",
        "ec36a1690b34e0624a502f6612adf10214a4307a15d6648a7efdc9bb2efb0ad9",
    ),
    "promotions": File(
        "promotions_sample.csv.gz",
        "87a6d347f189abd188fecca34c8ad95edf69e5c03a623c41e41f76acca201a7d",
    ),
}

# Labels that look like numbers in their first rows.
_LABELS = {
    "household_size": pa.string(),
    "kids_count": pa.string(),
    "display_location": pa.string(),
    "mailer_location": pa.string(),
    "package_size": pa.string(),
}


def _reader(table: str) -> Callable[[Location], pa.Table]:
    def read(place: Location) -> pa.Table:
        options = pa.csv.ConvertOptions(
            column_types=_LABELS, null_values=[""], strings_can_be_null=True
        )
        frame = pa.csv.read_csv(io.BytesIO(place.read(_FILES[table])), convert_options=options)
        # Round ids were written as 1e+05, which makes the whole column look like floats.
        for i, name in enumerate(frame.column_names):
            if name.endswith("_id") and pa.types.is_floating(frame[name].type):
                frame = frame.set_column(i, name, frame[name].cast(pa.int64()))
        return frame

    return read


def _events(place: Location) -> pa.Table:
    lines = _reader("transactions")(place)
    lines = lines.take(
        pc.sort_indices(
            lines, sort_keys=[("transaction_timestamp", "ascending"), ("basket_id", "ascending")]
        )
    )
    return pa.table(
        {
            "household": lines["household_id"],
            "product": lines["product_id"],
            "ts": lines["transaction_timestamp"].cast(pa.timestamp("ns")),
            "event": pa.array(["purchase"] * lines.num_rows, pa.string()),
            "quantity": lines["quantity"],
            "sales_value": lines["sales_value"],
            "basket": lines["basket_id"],
            "store": lines["store_id"],
        }
    )


SPEC = Spec(
    info=Info(
        name="complete_journey",
        title="The Complete Journey (84.51 / dunnhumby), sampled transactions",
        licence="CC0, as the DESCRIPTION of the R package completejourney declares",
        citation="B. Boehmke and S. Mooney. completejourney: Retail Shopping Data (R package); "
        "84.51, The Complete Journey.",
        url="https://github.com/bradleyboehmke/completejourney/tree/"
        "5b5d06192b9856edd04e4d405787af2f2e4a1fef/data",
        facts={
            "transactions": 75_000,
            "households": 2_377,
            "products": 92_331,
            "demographics": 801,
            "campaigns": 6_589,
            "campaign_descriptions": 27,
            "coupons": 116_204,
            "coupon_redemptions": 2_102,
            "promotions": 360_535,
        },
        roles={
            "subject": "household",
            "item": "product",
            "time": "ts",
            "type": "event",
            "value": "quantity",
        },
        tables=("events", *_FILES),
    ),
    files=tuple(_FILES.values()),
    tables={
        "raw": _reader("transactions"),
        "events": _events,
        **{table: _reader(table) for table in _FILES},
    },
    fetch=None,
    cached=(),
)
