"""Rankers against LightGBM's and XGBoost's: NDCG at 1, 5 and 10 by cross-validation over queries.

    .venv/bin/python benchmarks/peers/ranking_quality.py [--sets graded clicks]
    .venv/bin/python benchmarks/peers/ranking_quality.py --quick     # one repeat; writes nothing

Three sets: the public one of LightGBM's lambdarank example (251 queries), and two that are made
here: dense features with graded labels, and clicks. Queries are dealt to five parts, each is scored
by trees fitted to the other four, and that is repeated with other parts. All sides have the same
parts, trees, leaves, learning rate, bounds on leaves, l2 and truncation, and are judged by one
function here: a query's NDCG is averaged over the repeats; differences are paired by query, with
95 % intervals from 2,000 bootstrap draws of queries. Updates the sets that ran in
`benchmarks/results/ranking_quality.json`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import environments
import numpy as np

RESULTS = environments.ROOT / "benchmarks" / "results" / "ranking_quality.json"
SIDES = {"penchant": None, "lightgbm": "forests", "xgboost": "forests"}
# Objective -> who has it.
OBJECTIVES = {"lambdamart": ["penchant", "lightgbm", "xgboost"], "xendcg": ["penchant", "lightgbm"]}
CUTS = (1, 5, 10)
PARTS = 5

Task = tuple[np.ndarray, np.ndarray, np.ndarray]  # X [n, features], y [n], rows of a query


# -- the sets --------------------------------------------------------------------------------------


def lightgbm_rank() -> Task:
    """The 201 and 50 queries of the public example, together."""
    folder = Path(os.environ.get("PENCHANT_DATA", "../shared/data")) / "lightgbm_rank"
    labels, rows, sizes = [], [], []
    for part in ("train", "test"):
        with gzip.open(folder / f"rank.{part}.libsvm.gz", "rt") as lines:
            for line in lines:
                label, *pairs = line.split()
                labels.append(int(label))
                rows.append([pair.split(":") for pair in pairs])
        sizes += [int(n) for n in (folder / f"rank.{part}.query").read_text().split()]
    X = np.zeros((len(rows), 1 + max(int(i) for row in rows for i, _ in row)))
    for number, row in enumerate(rows):
        for i, value in row:
            X[number, int(i)] = float(value)
    return X, np.array(labels), np.array(sizes)


def graded(queries: int = 2500, seed: int = 5) -> Task:
    """Forty dense features, of which some are the query's own; five grades, the best rare."""
    random = np.random.default_rng(seed)
    sizes = random.integers(10, 80, queries)
    rows = int(sizes.sum())
    query = np.repeat(np.arange(queries), sizes)
    X = random.standard_normal((rows, 40)).astype(np.float32)
    X[:, 30:35] = random.standard_normal((queries, 5))[query]
    X[:, 20:25] = np.exp(X[:, 20:25])
    z = X[:, 0] + 0.8 * X[:, 1] * (1 + X[:, 30]) + np.sin(2 * X[:, 2]) + 0.7 * X[:, 3] * X[:, 4]
    z += 0.3 * np.log(X[:, 20:25]).sum(axis=1) + 0.6 * (X[:, 5] > 0.5) * X[:, 31]
    z += 1.2 * random.standard_normal(rows) + 0.7 * random.standard_normal(queries)[query]
    cuts = np.quantile(z, [0.5, 0.75, 0.9, 0.97])
    return X, np.searchsorted(cuts, z), sizes


def clicks(queries: int = 4000, seed: int = 6) -> Task:
    """Ten to thirty shown items, about one clicked; long-tailed counts, shares, missing values."""
    random = np.random.default_rng(seed)
    sizes = random.integers(10, 31, queries)
    rows = int(sizes.sum())
    query = np.repeat(np.arange(queries), sizes)
    taste = random.standard_normal((queries, 4))[query]
    item = random.standard_normal((rows, 4))
    quality = random.standard_normal(rows)
    views = np.floor(np.exp(3 + quality + random.standard_normal(rows)))
    bought = random.poisson(views * 0.05 * np.exp(0.5 * quality))
    share = np.where(views >= 5, bought / np.maximum(views, 1), np.nan)
    price = np.exp(random.standard_normal(rows))
    budget = np.exp(0.5 * random.standard_normal(queries))[query]
    match = (taste * item).sum(axis=1)
    noisy = match + random.standard_normal(rows)
    shelf = random.integers(0, 5, rows)
    noise = random.standard_normal((rows, 5))
    columns = (views, bought, share, price, budget, price / budget, noisy, shelf, taste, item)
    X = np.column_stack([*columns, noise])
    z = 0.6 * match + 0.8 * quality - np.abs(np.log(price / budget)) + 0.4 * shelf
    z += random.gumbel(size=rows)
    y = np.zeros(rows, dtype=np.int64)
    for begin, size in zip(np.cumsum(sizes) - sizes, sizes, strict=True):
        number = random.choice([0, 1, 1, 1, 2, 3])
        y[begin + np.argsort(-z[begin : begin + size])[:number]] = 1
    return X.astype(np.float32), y, sizes


TASKS = {
    # name: rows, what suits their number, and repeats.
    "lightgbm_rank": (lightgbm_rank, {"trees": 50, "leaves": 31, "min_leaf_samples": 20}, 6),
    "graded": (graded, {"trees": 150, "leaves": 31, "min_leaf_samples": 20}, 1),
    "clicks": (clicks, {"trees": 100, "leaves": 15, "min_leaf_samples": 20}, 2),
}


# -- judging ---------------------------------------------------------------------------------------


def ndcg(y: np.ndarray, scores: np.ndarray, sizes: np.ndarray, cut: int) -> np.ndarray:
    """NDCG of each query, gains 2^label - 1; NaN where every label is 0. Ties in a random order."""
    tie = np.random.default_rng(0).permutation(len(y))
    query = np.repeat(np.arange(len(sizes)), sizes)
    rank = np.concatenate([np.arange(size) for size in sizes])
    weight = np.where(rank < cut, 1 / np.log2(rank + 2), 0)
    gain = 2.0**y - 1
    found = gain[np.lexsort((tie, -scores, query))]
    ideal = np.bincount(query, gain[np.lexsort((-gain, query))] * weight)
    with np.errstate(invalid="ignore"):
        return np.bincount(query, found * weight) / np.where(ideal > 0, ideal, np.nan)


def interval(values: np.ndarray) -> list[float]:
    """Mean and a bootstrap interval."""
    random = np.random.default_rng(0)
    draws = values[random.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    return [float(values.mean()), *np.quantile(draws, [0.025, 0.975]).tolist()]


def parts_of(queries: int, repeats: int) -> np.ndarray:
    """The part of each query, [repeats, queries]."""
    random = np.random.default_rng(17)
    return np.stack([random.permutation(queries) % PARTS for _ in range(repeats)])


def compare(name: str, repeats: int, sides: list[str]) -> list[dict[str, Any]]:
    """Run every side on one set."""
    make, setting, _ = TASKS[name]
    X, y, sizes = make()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        parts = parts_of(len(sizes), repeats)
        for key, value in (("X", X), ("y", y), ("sizes", sizes), ("parts", parts)):
            np.save(folder / f"{key}.npy", value)
        values: dict[tuple[str, str], dict[int, np.ndarray]] = {}
        for objective, having in OBJECTIVES.items():
            for side in (one for one in having if one in sides):
                full = {"learning_rate": 0.1, "l2": 0.0, "truncation": 30, **setting}
                environments.run(
                    SIDES[side], "ranking_quality_side.py", side, folder, objective,
                    json.dumps(full),
                )  # fmt: skip
                scores = np.load(folder / f"{side}_{objective}.npy")
                values[side, objective] = {
                    cut: np.mean([ndcg(y, s, sizes, cut) for s in scores], axis=0) for cut in CUTS
                }
    for (side, objective), by_cut in values.items():
        row: dict[str, Any] = {"set": name, "objective": objective, "side": side}
        for cut, of_query in by_cut.items():
            counted = ~np.isnan(of_query)
            row[f"ndcg@{cut}"] = interval(of_query[counted])
            if side != "penchant" and ("penchant", objective) in values:
                ours = values["penchant", objective][cut]
                row[f"ours_less@{cut}"] = interval((ours - of_query)[counted])
        rows.append(row)
    return rows


def text(found: list[float] | None, digits: int = 4, sign: str = "") -> str:
    if found is None:
        return ""
    mean, low, high = (f"{value:{sign}.{digits}f}" for value in found)
    return f"{mean} [{low}, {high}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", nargs="*", choices=TASKS, default=list(TASKS))
    parser.add_argument("--sides", nargs="*", choices=SIDES, default=list(SIDES))
    parser.add_argument("--quick", action="store_true", help="one repeat; writes nothing")
    options = parser.parse_args()
    print(f"{'set':<15}{'objective':<12}{'side':<10}" + "".join(f"{f'NDCG@{c}':<25}" for c in CUTS))
    for name in options.sets:
        setting, repeats = TASKS[name][1], 1 if options.quick else TASKS[name][2]
        results = compare(name, repeats, options.sides)
        for row in results:
            line = "".join(f"{text(row[f'ndcg@{c}']):<25}" for c in CUTS)
            print(f"{row['set']:<15}{row['objective']:<12}{row['side']:<10}{line}", flush=True)
            if f"ours_less@{CUTS[0]}" in row:
                line = "".join(f"{text(row[f'ours_less@{c}'], sign='+'):<25}" for c in CUTS)
                print(f"{'':<27}{'ours less':<10}{line}", flush=True)
        if options.quick or set(options.sides) != set(SIDES):
            continue
        kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        kept[name] = {
            "date": time.strftime("%Y-%m-%d"), "repeats": repeats, "parts": PARTS,
            "setting": setting, "packages": environments.sections()["forests"],
            "results": results,
        }  # fmt: skip
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
