"""Features as of points in time against polars' as-of join, in one run.

    .venv/bin/python benchmarks/features.py [--rounds 7] [--points 100000]

The 397,884 valid purchase lines of Online Retail; at random customers and times: lines, orders and
money so far, recency and tenure, and lines and money of windows of 7 and 28 days whose lower edge
is in. polars joins points with running totals three times (at the moment, and at each window's
edge) and takes differences. Both sides take turns, on two threads; what they answer is compared.
Prints medians of the reading alone and with what has to be made of the events before.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ["POLARS_MAX_THREADS"] = "2"

import numpy as np
import pandas as pd
import polars as pl

import penchant as pn
from penchant import features as ft

DAY_US = 86_400_000_000


def purchases() -> pl.DataFrame:
    raw = pn.datasets.load("online_retail", raw=True)
    good = raw["CustomerID"].notna() & (raw["Quantity"] > 0) & (raw["UnitPrice"] > 0)
    good &= ~raw["InvoiceNo"].str.startswith("C")
    kept = raw[good]
    return pl.DataFrame(
        {
            "subject": kept["CustomerID"].astype("int64").to_numpy(),
            "time": pd.to_datetime(kept["InvoiceDate"]).astype("datetime64[us]").to_numpy(),
            "order": kept["InvoiceNo"].tolist(),
            "quantity": kept["Quantity"].to_numpy(),
            "price": kept["UnitPrice"].to_numpy(),
        }
    )


def plan() -> ft.Plan:
    money = "quantity * price"
    return ft.Plan(
        [
            ft.count(name="lines"),
            ft.frequency(None, name="orders"),
            ft.sum(money, name="money"),
            ft.recency(name="recency"),
            ft.first_seen(name="tenure"),
            ft.count(window="7d", name="week"),
            ft.sum(money, window="28d", name="month"),
        ]
    )


def totals(events: pl.DataFrame) -> pl.DataFrame:
    """The running totals of each subject, a row a time."""
    thousandths = (pl.col("price") * 1000).round().cast(pl.Int64) * pl.col("quantity")
    return (
        events.with_columns(thousandths.alias("money"))
        .sort("subject", "time")
        .with_columns(
            pl.int_range(1, pl.len() + 1).over("subject").alias("lines"),
            pl.col("order").is_first_distinct().cum_sum().over("subject").alias("orders"),
            pl.col("money").cum_sum().over("subject"),
            pl.col("time").first().over("subject").alias("first"),
            pl.col("time").alias("last"),
        )
        .unique(["subject", "time"], keep="last", maintain_order=True)
        .select("subject", "time", "lines", "orders", "money", "first", "last")
    )


def joined(table: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    def at(edge: str | None) -> pl.DataFrame:
        moment = pl.col("time") if edge is None else pl.col("time").dt.offset_by(f"-{edge}")
        asked = points.with_columns(moment.alias("time")).with_row_index().sort("subject", "time")
        return asked.join_asof(
            table, on="time", by="subject", allow_exact_matches=False, check_sortedness=False
        ).sort("index")

    now, week, month = at(None), at("7d"), at("28d")
    none = pl.col("lines").fill_null(0)
    return pl.DataFrame(
        {
            "lines": now.select(none).to_series(),
            "orders": now["orders"].fill_null(0),
            "money": now["money"].fill_null(0) / 1000,
            "recency": (now["time"] - now["last"]).dt.total_microseconds() / DAY_US,
            "tenure": (now["time"] - now["first"]).dt.total_microseconds() / DAY_US,
            "week": now.select(none).to_series() - week.select(none).to_series(),
            "month": (now["money"].fill_null(0) - month["money"].fill_null(0)) / 1000,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--points", type=int, default=100_000)
    options = parser.parse_args()
    events = purchases()
    rng = np.random.default_rng(0)
    points = pl.DataFrame(
        {
            "subject": rng.choice(events["subject"].to_numpy(), options.points),
            "time": rng.choice(events["time"].to_numpy(), options.points),
        }
    )
    seconds: dict[str, list[float]] = {"ours": [], "ours, all": [], "polars": [], "polars, all": []}
    for _ in range(options.rounds):
        start = time.perf_counter()
        state = plan().replay(events, item=None, threads=2)
        made = time.perf_counter()
        mine = state.at(points, threads=2)
        seconds["ours"].append(time.perf_counter() - made)
        seconds["ours, all"].append(time.perf_counter() - start)
        start = time.perf_counter()
        table = totals(events)
        made = time.perf_counter()
        theirs = joined(table, points)
        seconds["polars"].append(time.perf_counter() - made)
        seconds["polars, all"].append(time.perf_counter() - start)
    for name in theirs.columns:
        a, b = (one[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for one in (mine, theirs))
        np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=name)
    print(f"{len(events):,} events, {options.points:,} points, 7 features; values equal")
    for name, all_ in seconds.items():
        print(f"{name:<12} {np.median(all_) * 1e3:7.1f} ms")


if __name__ == "__main__":
    main()
