"""What a ranker adds to the default funnel on Online Retail, what a feature plan adds to the
ranker, and what each costs a request.

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
from penchant import features as ft
from penchant._default_funnel import default_ranker

RESULTS = Path(__file__).resolve().parents[1] / "results" / "reranking.json"
METRICS = ["map@10", "ndcg@10", "ndcg@20", "recall@20", "auc"]


def retail_plan() -> ft.Plan:
    """What the funnel's own features lack: what goes with the last items, who buys, prices.

    Shares rather than counts, so that windows of another year look alike.
    """
    last = ft.latest(20)
    out = [
        ft.together(last, None, how="lift", within="1h", name="goes_with"),
        ft.together(last, None, how="share", within="1h", name="share_with"),
        ft.together(last, None, how="lift", within="1h", pool="max", name="goes_best_with"),
        ft.together(last, None, how="share", within="1h", pool="max", name="best_share_with"),
        ft.rank_in(ft.latest(64), name="place_among_last"),
    ]
    for window in ("3d", "7d", "14d", "28d", "91d"):
        out += [
            ft.distinct("subject", by="item", window=window, name=f"_buyers_{window}"),
            ft.distinct("subject", by="all", window=window, name=f"_people_{window}"),
            ft.expression(f"_buyers_{window} / (_people_{window} + 1)", name=f"buyers_{window}"),
        ]
    return ft.Plan(
        [
            *out,
            ft.distinct("subject", by="item", name="_buyers"),
            ft.expression("_buyers_28d / (_buyers + 1)", name="new_interest"),
            ft.mean("price", by="item", name="price"),
            ft.mean("price", by="item", window="28d", name="price_28d"),
            ft.mean("price", by="item", window="7d", name="_price_7d"),
            ft.expression("_price_7d / price", name="promotion_7d"),
            ft.expression("price_28d / price", name="promotion_28d"),
            ft.mean("price", name="usual_price"),
            ft.expression("price_28d / usual_price", name="price_for_me"),
        ]
    )


def slow_ranker() -> pn.GBDTRanker:
    return pn.GBDTRanker(
        objective="xendcg", trees=600, leaves=15, learning_rate=0.05, min_leaf_samples=200,
        early_stopping=40,
    )  # fmt: skip


def fitted(make: Any, train: pn.Dataset, events: Any = None) -> tuple[pn.Pipeline, float]:
    start = time.perf_counter()
    pipeline = make().fit(train, events=events, progress=False)
    return pipeline, time.perf_counter() - start


def quality(ranked: pn.Pipeline, blend: pn.Pipeline, test: pn.Dataset) -> list[dict[str, Any]]:
    """Rows of what `ranked` has over `blend`, another pipeline that it is measured against."""
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


def show(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print(
            f"{row['table']:<16} {row['metric']:<10} {row['blend']:.4f} -> {row['ranked']:.4f}  "
            f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
        )


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
    show(rows)
    slow, _ = fitted(lambda: pn.Pipeline(ranker=slow_ranker()), train)
    planned, planned_seconds = fitted(
        lambda: pn.Pipeline(features=retail_plan(), ranker=slow_ranker()), train, lines
    )
    columns = len(retail_plan().columns)
    print(f"with {columns} columns of a plan ({planned_seconds:.1f} s), less the same without:")
    planned_rows = quality(planned, slow, test)
    show(planned_rows)
    subjects = train.subject_ids[:: max(1, train.num_subjects // options.requests)].tolist()
    funnels = {"blend": blend, "ranked": ranked, "planned": planned}
    costs = {
        "plain": latency(funnels, subjects, options.rounds),
        "new items only": latency(funnels, subjects, options.rounds, exclude_seen=True),
        "explained": latency(funnels, subjects, options.rounds, explain=True),
    }
    for title, found in costs.items():
        medians = ", ".join(f"{name} {one['median_us']:.0f}" for name, one in found.items())
        tails = ", ".join(f"{name} {one['p99_us']:.0f}" for name, one in found.items())
        print(f"{title:<16} median us: {medians}; p99: {tails}")
    options.output.write_text(
        json.dumps(
            {
                "machine": pn.build_info(),
                "fit_seconds": {"blend": blend_seconds, "ranked": ranked_seconds},
                "ranker": facts,
                "quality": rows,
                "quality_planned": planned_rows,
                "latency": costs,
            },
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
