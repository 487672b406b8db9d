"""50 features over ten million events: replay, training rows, a request, an event, memory.

    .venv/bin/python benchmarks/features_at_scale.py [--events 10e6] [--rounds 3]

Simulated events of a year, ten a subject, four types, items by a heavy-tailed popularity. Replay
and the training frame go through Python, from and to Arrow; a request (all features of 200
candidates), an event and what they need of memory are timed by `feature_times` in C++, on one
thread, for that is where they happen. Prints the best and the median of the rounds.
"""

from __future__ import annotations

import argparse
import pathlib
import resource
import subprocess
import tempfile
import time

import numpy as np
import pyarrow as pa

from penchant import features as ft

ROOT = pathlib.Path(__file__).resolve().parents[1]
DAY = 86_400_000_000
BEGIN = 1_700_000_000_000_000
ITEMS = 100_000


def plan() -> ft.Plan:
    wanted = []
    for window in ("1d", "7d", "28d", None):
        wanted += [
            ft.count("purchase", window=window, name=f"bought_{window}"),
            ft.count("page_view", window=window, name=f"viewed_{window}"),
            ft.sum("quantity * price", "purchase", window=window, name=f"spent_{window}"),
            ft.count("purchase", by="item", window=window, name=f"item_bought_{window}"),
            ft.count("page_view", by="item", window=window, name=f"item_viewed_{window}"),
            ft.count("purchase", by="category", window=window, name=f"category_bought_{window}"),
            ft.count("page_view", by="category", window=window, name=f"category_viewed_{window}"),
        ]
    pair = ("subject", "item")
    wanted += [
        ft.recency("purchase", name="recency"),
        ft.frequency(name="frequency"),
        ft.average_spend(name="average_spend"),
        ft.cadence(name="cadence"),
        ft.first_seen(name="tenure"),
        ft.popularity("purchase", half_life="14d", name="popularity"),
        ft.trend("purchase", name="trend"),
        ft.rate("purchase", "page_view", prior=0.1, strength=10, name="conversion"),
        ft.count("purchase", by=pair, name="had"),
        ft.count("page_view", by=pair, window="28d", name="seen"),
        ft.recency(by=pair, name="since_item"),
        ft.count("purchase", by=("subject", "category"), name="had_category"),
        ft.affinity("category", "purchase", name="affinity"),
        ft.affinity("category", half_life="28d", name="affinity_lately"),
        ft.decayed("page_view", half_life="7d", name="active"),
        ft.mean("price", "purchase", name="mean_price"),
        ft.recency(by="item", name="item_recency"),
        ft.price_tier("list_price", name="tier"),
        ft.number("list_price", name="list_price"),
        ft.attribute("category", name="category"),
        ft.context("hour"),
        ft.context("weekday"),
    ]
    return ft.Plan(wanted)


def popular_items(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.minimum((rng.pareto(1.0, count) * 50).astype(np.int64), ITEMS - 1)


def world(events: int) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(0)
    kinds = np.array(["page_view", "click", "add_to_cart", "purchase"])
    times = np.sort(rng.integers(0, 365 * DAY // 1_000_000, events)) * 1_000_000 + BEGIN
    table = pa.table(
        {
            "subject": rng.integers(0, max(1, events // 10), events),
            "item": popular_items(rng, events),
            "time": pa.array(times).cast(pa.timestamp("us")),
            "type": pa.array(rng.choice(kinds, events, p=[0.6, 0.2, 0.1, 0.1])).dictionary_encode(),
            "order": rng.integers(0, events // 3 + 1, events),
            "quantity": rng.integers(1, 4, events),
            "price": rng.integers(100, 10_000, events) / 100,
        }
    )
    catalog = pa.table(
        {
            "item": np.arange(ITEMS),
            "category": pa.array([f"c{k % 200:03d}" for k in range(ITEMS)]),
            "list_price": rng.integers(100, 10_000, ITEMS) / 100,
        }
    )
    return table, catalog


def decisions(subjects: int, count: int) -> tuple[pa.Table, pa.Table]:
    """What was chosen, and the 100 that it was chosen from."""
    rng = np.random.default_rng(1)
    who = rng.integers(0, subjects, count)
    when = rng.integers(300 * DAY, 365 * DAY, count) + BEGIN
    items = popular_items(rng, count * 100)

    def table(who: np.ndarray, when: np.ndarray, items: np.ndarray) -> pa.Table:
        times = pa.array(when).cast(pa.timestamp("us"))
        return pa.table({"subject": who, "time": times, "item": items})

    lists = table(np.repeat(who, 100), np.repeat(when, 100), items)
    return table(who, when, items[::100]), lists


def best_and_median(name: str, seconds: list[float], work: int, unit: str) -> None:
    rates = [work / one / 1e6 for one in seconds]
    print(f"{name:<34} best {max(rates):6.2f} M {unit}/s, median {np.median(rates):6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=lambda text: int(float(text)), default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    events, catalog = world(options.events)
    subjects = max(1, options.events // 10)
    wanted = plan()
    seconds: list[float] = []
    for _ in range(options.rounds):
        state = None
        start = time.perf_counter()
        state = wanted.replay(events, catalog=catalog)
        seconds.append(time.perf_counter() - start)
    print(
        f"{len(events):,} events of {subjects:,} subjects, {len(wanted.columns)} columns: {state}"
    )
    best_and_median("replay", seconds, len(events), "events")
    print(
        f"{'memory':<34} {state.nbytes / subjects:.0f} bytes a subject, "
        f"{state.nbytes / len(events):.1f} an event; the process at most "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB"
    )
    chosen, lists = decisions(subjects, 10_000)
    seconds = []
    reads: list[float] = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        state.at(lists)
        reads.append(time.perf_counter() - start)
        start = time.perf_counter()
        rows = state.training_frame(chosen, lists)
        seconds.append(time.perf_counter() - start)
    best_and_median("points as they are", reads, len(lists), "rows")
    best_and_median("training frame", seconds, len(rows), "rows")
    del events, catalog, state, rows
    program = ROOT / "build/release/benchmarks/serving/feature_times"
    if not program.exists():
        print("no feature_times: tools/build.sh release feature_times")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "plan.json"
        path.write_text(wanted._compiled.core.json)
        subprocess.run([program, path, str(options.events)], check=True)


if __name__ == "__main__":
    main()
