"""What a request pays for features of its candidates beside what the subject has at hand.

    .venv/bin/python benchmarks/at_hand.py [--requests 300] [--events 1000000]

A million drawn events of 50,000 subjects and 10,000 items over a year; each request asks for one
subject and 200 candidates just after the last event, of a plan with the named features alone, on
one thread through Python. Prints microseconds: the median request and the 95th of a hundred. A
count of the subject's events, the cheapest there is, stands beside them for what a call costs.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from penchant import features as ft

SUBJECTS, ITEMS, CANDIDATES = 50_000, 10_000, 200
SEEN = ft.latest(5, "page_view")
MANY_SEEN = ft.latest(20, "page_view")
CART = ft.cart(quantity="quantity", price="price")

PLANS = {
    "count": [ft.count("purchase")],
    "together: share": [ft.together(SEEN)],
    "together: share of views": [ft.together(SEEN, "page_view")],
    "together: share, of 20 items": [ft.together(MANY_SEEN)],
    "together: lift, of 20 items": [ft.together(MANY_SEEN, how="lift")],
    "together: lift": [ft.together(SEEN, how="lift")],
    "together: within 6 hours": [ft.together(SEEN, within="6h")],
    "distinct: of all, 28 and 91 days": [
        ft.distinct("subject", "purchase", by="all", window=window, name=f"people_{window}")
        for window in ("28d", "91d")
    ],
    "basket: six": [
        ft.basket(what, of=CART)
        for what in ("items", "pieces", "value", "has", "categories", "same")
    ],
    "rank_in: two": [ft.rank_in(SEEN), ft.rank_in(ft.favorites("category", 3, "purchase"))],
    "similarity: mean and max of 64": [
        ft.similarity(SEEN, "look"),
        ft.similarity(SEEN, "look", pool="max"),
    ],
    "net_of: four": [
        ft.monetary(name="money").net_of(),
        ft.distinct("item", "purchase").net_of(),
        ft.last_items(3, "purchase").net_of(),
        ft.count("purchase", by=("subject", "category"), name="like_it").net_of(),
    ],
}


def world(events: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events by time, and a catalogue."""
    weights = 1 / np.arange(1, ITEMS + 1) ** 0.8
    seconds = np.sort(rng.integers(0, 365 * 86_400, events))
    log = pd.DataFrame(
        {
            "subject": rng.integers(0, SUBJECTS, events),
            "item": rng.choice(ITEMS, events, p=weights / weights.sum()),
            "time": pd.Timestamp("2024-01-01") + pd.to_timedelta(seconds, unit="s"),
            "type": rng.choice(
                ["page_view", "add_to_cart", "purchase", "return"], events, p=[0.6, 0.2, 0.15, 0.05]
            ),
            "quantity": 1,
            "price": rng.integers(100, 999, events) / 100,
        }
    )
    category = rng.integers(0, 50, ITEMS).astype(str)
    return log, pd.DataFrame({"item": np.arange(ITEMS), "category": category})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    log, catalog = world(options.events, rng)
    vectors = {"look": (np.arange(ITEMS), rng.normal(size=(ITEMS, 64)).astype(np.float32))}
    now = np.full(CANDIDATES, int(log["time"].max().value) // 1000 + 1)
    print(f"{'features':32s} {'median us':>9s} {'95th':>6s}")
    for name, features in PLANS.items():
        state = ft.Plan(features, embeddings=vectors).replay(log, catalog=catalog)
        spent = []
        for subject in range(options.requests):
            items = rng.integers(0, ITEMS, CANDIDATES, dtype=np.int32)
            subjects = np.full(CANDIDATES, subject, np.int32)
            begin = time.perf_counter()
            state._core.read(now, subjects, items, 1)
            spent.append((time.perf_counter() - begin) * 1e6)
        print(f"{name:32s} {np.median(spent):9.0f} {np.quantile(spent, 0.95):6.0f}", flush=True)


if __name__ == "__main__":
    main()
