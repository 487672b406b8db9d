"""1,000 segments over a million subjects, kept up with a stream of events: speed and memory.

    make bench-segments    or    .venv/bin/python benchmarks/segments.py [--subjects 1000000]

A shop's events (views, carts, purchases with orders and prices) over a year fill the state; then
batches of 2,000 come in, each into the state and through `touch` and `advance`. Rules are drawn:
three to five comparisons each of recency, frequency, monetary value, counts, tenure and preferred
categories. Two paces: events as they come at 200,000 a second, and the same number while a day
passes, so that windows close and recencies grow. At the end memberships are recomputed from the
state for some of the subjects, then at a thousand moments drawn at random, and have to be equal.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import penchant as pn

DAY = 86_400_000_000
SECOND = 1_000_000
ITEMS = 20_000
CATEGORIES = 40
BATCH = 2_000


def rules(rng: np.random.Generator, count: int) -> dict[str, str]:
    """Draw rules of three to five comparisons."""

    def atom() -> str:
        kind = rng.integers(0, 9)
        window = rng.choice(["30d", "90d", "365d"])
        days = int(rng.choice([1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 270]))
        more = rng.choice(["<", ">="])
        if kind == 0:
            return f"recency(purchase) {rng.choice(['<', '>'])} {days}d"
        if kind == 1:
            return f"recency(page_view) {rng.choice(['<', '>'])} {days}d"
        if kind == 2:
            return f"frequency({window}) {more} {rng.integers(1, 12)}"
        if kind == 3:
            return f"monetary({window}) {more} {rng.integers(1, 60) * 25}"
        if kind == 4:
            return f"count(page_view, {rng.choice(['7d', '30d'])}) {more} {rng.integers(1, 15)}"
        if kind == 5:
            return f"count(add_to_cart, {rng.choice(['7d', '30d'])}) {more} {rng.integers(1, 8)}"
        if kind == 6:
            return f"tenure() {rng.choice(['<', '>'])} {days}d"
        if kind == 7:
            return f"monetary() {more} {rng.integers(1, 40) * 100}"
        return f"'c{rng.integers(0, CATEGORIES):02}' in top_categories(2, purchase)"

    out = {}
    for number in range(count):
        out[f"s{number}"] = " and ".join(atom() for _ in range(rng.integers(3, 6)))
    return out


class Stream:
    """Events as the core's columns, of the plan's types, numbers and codes."""

    def __init__(self, rng: np.random.Generator, compiled: Any, subjects: int) -> None:
        self.rng = rng
        self.compiled = compiled
        self.subjects = subjects
        self.orders = 0

    def batch(self, times: np.ndarray) -> tuple[Any, ...]:
        rng, n = self.rng, len(times)
        names = list(self.compiled.types)
        kinds = rng.choice(["page_view", "add_to_cart", "purchase"], n, p=[0.7, 0.18, 0.12])
        types = np.array([names.index(kind) for kind in ("page_view", "add_to_cart", "purchase")])
        of = {"page_view": 0, "add_to_cart": 1, "purchase": 2}
        types = types[np.array([of[kind] for kind in kinds])].astype(np.uint16)
        numbers = {
            "price": rng.integers(100, 20_000, n).astype(np.int64) * 10_000,
            "quantity": rng.integers(1, 4, n).astype(np.int64) * 1_000_000,
        }
        order = np.arange(self.orders, self.orders + n, dtype=np.int32)
        self.orders += n
        return (
            times,
            types,
            rng.integers(0, self.subjects, n).astype(np.int32),
            rng.integers(0, ITEMS, n).astype(np.int32),
            [numbers[name] for name in self.compiled.numbers],
            [order for _ in self.compiled.codes],
        )


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def follow(
    state: Any, index: Any, stream: Stream, begin: int, pace: float, events: int, threads: int
) -> dict[str, Any]:
    """Take events that come `pace` microseconds apart."""
    spent = {"state": 0.0, "segments": 0.0}
    changes = 0
    looks = index.looks
    for first in range(0, events, BATCH):
        times = begin + ((first + np.arange(BATCH)) * pace).astype(np.int64)
        batch = stream.batch(times)
        start = time.perf_counter()
        state.replay(*batch, threads)
        middle = time.perf_counter()
        index.touch(batch[2], times)
        changes += len(index.advance(int(times[-1]) + 1, threads)[0])
        spent["state"] += middle - start
        spent["segments"] += time.perf_counter() - middle
    whole = sum(spent.values())
    return {
        "events": events,
        "events_per_second": round(events / whole),
        "state_seconds": round(spent["state"], 3),
        "segments_seconds": round(spent["segments"], 3),
        "segments_events_per_second": round(events / spent["segments"]),
        "looks_per_event": round((index.looks - looks) / events, 2),
        "changes": changes,
    }


def check(
    state: Any, index: Any, bound: Any, stream: Stream, times: int, threads: int
) -> dict[str, int]:
    """Go on to moments drawn at random, and compare members with a recomputation there."""
    rng = stream.rng
    compared = 0
    for _ in range(times):
        now = index.time
        moment = now + int(rng.integers(1, 6 * 3600 * SECOND))
        batch = stream.batch(np.sort(rng.integers(now, moment, 50)))
        state.replay(*batch, threads)
        index.touch(batch[2], batch[0])
        index.advance(moment, threads)
        some = np.concatenate([batch[2][:10], rng.integers(0, stream.subjects, 20)]).astype(
            np.int32
        )
        read = bound.read(state, some, np.full(len(some), moment, np.int64), [], threads)
        for row, subject in enumerate(some):
            if np.flatnonzero(read[row]).tolist() != index.segments_of(int(subject)):
                sys.exit(f"subject {subject} at {moment}: memberships differ from a recomputation")
        compared += len(some)
    return {"times": times, "subjects": compared}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=1_000_000)
    parser.add_argument("--segments", type=int, default=1_000)
    parser.add_argument("--history", type=int, default=5, help="events a subject before the stream")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--times", type=int, default=1000, help="random moments to recompute at")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    segments = pn.SegmentSet(rules(rng, options.segments))
    compiled = segments.plan._compiled
    # A few rows give a state its texts; the rest are codes.
    seed = pd.DataFrame(
        {
            "subject": [0], "item": [0], "time": [0], "type": ["purchase"],
            "price": [1.0], "quantity": [1], "order": ["o"],
        }
    )  # fmt: skip
    catalog = pd.DataFrame({"item": np.arange(ITEMS)})
    catalog["category"] = [f"c{k % CATEGORIES:02}" for k in range(ITEMS)]
    bound = segments._compiled.rules(segments.replay(seed, catalog=catalog)._coded)
    codes = np.arange(ITEMS, dtype=np.int32) % CATEGORIES
    state = pn._core.FeatureState(compiled.core, ITEMS, [(codes, CATEGORIES)], [])
    stream = Stream(rng, compiled, options.subjects)
    rows = options.subjects * options.history
    state.replay(*stream.batch(np.sort(rng.integers(0, 365 * DAY, rows))), options.threads)
    before = peak()
    begin = 365 * DAY
    start = time.perf_counter()
    index = pn._core.SegmentIndex(
        state, bound, begin, options.subjects, 3600 * SECOND, [], options.threads
    )
    built = time.perf_counter() - start
    result: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, {options.threads} threads",
        "subjects": options.subjects,
        "segments": options.segments,
        "columns": len(segments._compiled._columns),
        "features": len(segments.plan.columns),
        "events_before": rows,
        "built_seconds": round(built, 2),
        "memberships": int(index.sizes().sum()),
    }
    pace = SECOND / 200_000
    result["live"] = follow(state, index, stream, begin, pace, options.events, options.threads)
    begin = index.time
    day = DAY / options.events * max(1, options.events // 1_000_000)
    result["a_day"] = follow(state, index, stream, begin, day, options.events, options.threads)
    result["index_bytes_per_subject"] = round(index.bytes / options.subjects, 1)
    result["state_bytes_per_subject"] = round(state.bytes / options.subjects, 1)
    result["peak_gib"] = round(peak(), 2)
    result["peak_gib_before_the_index"] = round(before, 2)

    some = rng.choice(options.subjects, min(20_000, options.subjects), replace=False).astype(
        np.int32
    )
    read = bound.read(state, some, np.full(len(some), index.time, np.int64), [], options.threads)
    for row, subject in enumerate(some):
        if np.flatnonzero(read[row]).tolist() != index.segments_of(int(subject)):
            sys.exit(f"subject {subject}: memberships differ from a recomputation")
    result["recomputed_and_equal"] = len(some)
    result["at_random_times"] = check(state, index, bound, stream, options.times, options.threads)
    text = json.dumps(result, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
