"""What a ranker adds to the default funnel on Online Retail, and what it costs a request.

    .venv/bin/python benchmarks/peers/reranking.py [--requests 2000] [--rounds 5]

Both funnels are fitted on all but the last 28 days, the parameters of the ranker having been chosen
on windows before. Quality: both tables (repeats allowed, new items only) on the last 28 days, with
paired bootstrap intervals of the difference. Latency: the same requests through each engine in
turns, one thread, without HTTP; every list of one engine is its own, so the check is of sizes.
Prints tables and writes `benchmarks/results/reranking.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import penchant as pn
from penchant._default_funnel import default_ranker

RESULTS = Path(__file__).resolve().parents[1] / "results" / "reranking.json"
METRICS = ["map@10", "ndcg@20", "recall@20", "auc"]


def fitted(make: Any, train: pn.Dataset) -> tuple[pn.Pipeline, float]:
    start = time.perf_counter()
    pipeline = make().fit(train, progress=False)
    return pipeline, time.perf_counter() - start


def quality(ranked: pn.Pipeline, blend: pn.Pipeline, test: pn.Dataset) -> list[dict[str, Any]]:
    rows = []
    for title, exclude_seen in (("repeats allowed", False), ("new items only", True)):
        boards = {
            name: pn.evaluate(model, test, METRICS, exclude_seen=exclude_seen)
            for name, model in (("blend", blend), ("ranked", ranked))
        }
        difference = pn.compare(ranked, blend, test, METRICS, exclude_seen=exclude_seen)
        for metric in METRICS:
            found = difference[metric]
            rows.append(
                {
                    "table": title,
                    "metric": metric,
                    "blend": boards["blend"][metric].value,
                    "ranked": boards["ranked"][metric].value,
                    "difference": found.value,
                    "low": found.low,
                    "high": found.high,
                }
            )
    return rows


def latency(
    funnels: dict[str, pn.Pipeline], subjects: list[Any], rounds: int, **request: Any
) -> dict[str, dict[str, float]]:
    """Microseconds a request, by turns of the same hundred requests."""
    bodies = [json.dumps({"subject": s, "k": 10, **request}).encode() for s in subjects]
    engines = {name: pipeline.engine for name, pipeline in funnels.items()}
    times: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(rounds + 1):
        for first in range(0, len(bodies), 100):
            for name, engine in engines.items():
                for body in bodies[first : first + 100]:
                    start = time.perf_counter()
                    answer = engine.recommend_json(body)
                    if turn:  # the first warms up
                        times[name].append(1e6 * (time.perf_counter() - start))
                    assert answer.count(b'"rank":') == 10
    return {
        name: {
            "median_us": float(np.median(each)),
            "p99_us": float(np.quantile(each, 0.99)),
        }
        for name, each in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    raw = pn.datasets.load("online_retail", raw=True)
    lines = pn.datasets.online_retail.benchmark_lines(raw)
    data = pn.Dataset.from_events(lines, subject="customer", item="sku", time="ts")
    train, test = pn.splits.temporal(data, test="28d")

    blend, blend_seconds = fitted(pn.Pipeline, train)
    ranked, ranked_seconds = fitted(lambda: pn.Pipeline(ranker=default_ranker()), train)
    facts = ranked.validation_["ranker"]
    print(f"fit: {blend_seconds:.1f} s without a ranker, {ranked_seconds:.1f} s with; {facts}")
    rows = quality(ranked, blend, test)
    for row in rows:
        print(
            f"{row['table']:<16} {row['metric']:<10} {row['blend']:.4f} -> {row['ranked']:.4f}  "
            f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
        )
    subjects = train.subject_ids[:: max(1, train.num_subjects // options.requests)].tolist()
    funnels = {"blend": blend, "ranked": ranked}
    costs = {
        "plain": latency(funnels, subjects, options.rounds),
        "new items only": latency(funnels, subjects, options.rounds, exclude_seen=True),
        "explained": latency(funnels, subjects, options.rounds, explain=True),
    }
    for title, found in costs.items():
        before, after = found["blend"], found["ranked"]
        print(
            f"{title:<16} median {before['median_us']:.0f} -> {after['median_us']:.0f} us, "
            f"p99 {before['p99_us']:.0f} -> {after['p99_us']:.0f} us"
        )
    options.output.write_text(
        json.dumps(
            {
                "machine": pn.build_info(),
                "fit_seconds": {"blend": blend_seconds, "ranked": ranked_seconds},
                "ranker": facts,
                "quality": rows,
                "latency": costs,
            },
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
