"""Nearest neighbours, single queries on one thread: Penchant against faiss-cpu at equal recall.

    .venv/bin/python benchmarks/peers/vector_index.py [--rows 100000] [--columns 96] [--rounds 3]

Both sides get the same vectors, queries, m and ef_construction, and build on one thread;
the sides take turns, each in a process of its own. Recall is judged here, against one exact search.
As equal effort is not equal recall, rates are read off each side's own curve at the same recall.
Prints a table and writes `benchmarks/results/vector_index.json`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import environments
import numpy as np

RESULTS = environments.ROOT / "benchmarks" / "results" / "vector_index.json"
EFFORTS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
SIDES = {"penchant": None, "faiss": "faiss"}  # side: its environment, None is this one
QUERIES = 1000
TOP = 10
LEVELS = (0.90, 0.95, 0.99)


def vectors(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of low inner dimension with noise, as embeddings have; queries of the same kind."""
    random = np.random.default_rng(11)
    inner = max(4, columns // 6)
    frame = random.standard_normal((inner, columns))
    latent = random.standard_normal((rows + QUERIES, inner))
    noise = 0.3 * random.standard_normal((rows + QUERIES, columns))
    drawn = (latent @ frame / np.sqrt(inner) + noise).astype(np.float32)
    return drawn[:rows], drawn[rows:]


def exact(base: np.ndarray, queries: np.ndarray) -> np.ndarray:
    lengths = (base.astype(np.float64) ** 2).sum(axis=1)
    out = np.empty((len(queries), TOP), dtype=np.int64)
    for q, query in enumerate(queries.astype(np.float64)):
        distance = lengths - 2 * (base @ query)
        out[q] = np.argpartition(distance, TOP)[:TOP]
    return out


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    hits = (found[:, :, None] == truth[:, None, :]).any(axis=2)
    return float(hits.mean())


def rate_at(curve: list[tuple[float, float]], level: float) -> float | None:
    """Queries a second where a curve of (recall, rate) first reaches a recall, interpolated."""
    before: tuple[float, float] | None = None
    for found, rate in curve:
        if found >= level:
            if before is None or found == before[0]:
                return rate
            part = (level - before[0]) / (found - before[0])
            return float(np.exp(np.log(before[1]) * (1 - part) + np.log(rate) * part))
        before = (found, rate)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    base, queries = vectors(options.rows, options.columns)
    truth = exact(base, queries)
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    rates: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    recalls: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task.npz"
        np.savez(task, base=base, queries=queries)
        for side, environment in SIDES.items():
            if environment:
                environments.ensure(environment)
            _build(side, environment, task, folder, seconds)
        for _ in range(options.rounds):
            for side, environment in SIDES.items():
                answer = Path(folder) / f"{side}.npz"
                environments.run(
                    environment,
                    "vector_index_side.py",
                    side,
                    "search",
                    task,
                    answer,
                    json.dumps(EFFORTS),
                    threads=1,
                )
                got = np.load(answer)
                rates[side].append(got["rates"].tolist())
                recalls[side] = [recall(found, truth) for found in got["found"]]
    _report(options, seconds, rates, recalls)


def _build(
    side: str, environment: str | None, task: Path, folder: str, seconds: dict[str, list[float]]
) -> None:
    answer = Path(folder) / f"{side}.npz"
    environments.run(
        environment, "vector_index_side.py", side, "build", task, answer, "[]", threads=1
    )
    seconds[side].append(float(np.load(answer)["seconds"]))


def _report(
    options: argparse.Namespace,
    seconds: dict[str, list[float]],
    rates: dict[str, list[list[float]]],
    recalls: dict[str, list[float]],
) -> None:
    results: dict[str, Any] = {"rows": options.rows, "columns": options.columns, "sides": {}}
    curves = {}
    for side in SIDES:
        middle = [median(round_[i] for round_ in rates[side]) for i in range(len(EFFORTS))]
        curves[side] = list(zip(recalls[side], middle, strict=True))
        results["sides"][side] = {
            "build_seconds": median(seconds[side]),
            "curve": [
                {"ef": ef, "recall_at_10": found, "queries_per_second": rate}
                for ef, (found, rate) in zip(EFFORTS, curves[side], strict=True)
            ],
        }
    print(f"{options.rows} x {options.columns}, l2, m 32, ef_construction 200, one thread")
    print(f"{'':12} {'penchant':>10} {'faiss-cpu':>10} {'ratio':>7}")
    built = [median(seconds[side]) for side in SIDES]
    print(f"{'build, s':12} {built[0]:10.1f} {built[1]:10.1f} {built[1] / built[0]:7.2f}")
    results["at"] = {}
    for level in LEVELS:
        ours, theirs = (rate_at(curves[side], level) for side in SIDES)
        if ours and theirs:
            results["at"][str(level)] = {"penchant": ours, "faiss": theirs, "ratio": ours / theirs}
            print(f"{'q/s at ' + str(level):12} {ours:10.0f} {theirs:10.0f} {ours / theirs:7.2f}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
