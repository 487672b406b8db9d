"""Boosted trees against LightGBM: seconds of binning and boosting, AUC and log loss.

    .venv/bin/python benchmarks/peers/gbdt.py [--rounds 3] [--threads 1 2]
    .venv/bin/python benchmarks/peers/gbdt.py --quick      # 200,000 rows, one round

A made task: dense normal floats, a label by a nonlinear function of some of them and chance. Both
sides get the same rows and parameters and take turns, each time in a process of its own, which
hands back the raw scores of held-out rows; they are judged by one function here. Prints a table and
writes `benchmarks/results/gbdt.json`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import environments
import numpy as np

RESULTS = environments.ROOT / "benchmarks" / "results" / "gbdt.json"
SIDES = {"penchant": None, "lightgbm": "forests"}
FEATURES = 28
HELD_OUT = 200_000


def make_rows(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal features, of which twenty matter: steps, waves, products, and a weak sum."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((rows, FEATURES), dtype=np.float32)
    z = X[:, 0] * (1 + X[:, 1]) + np.sin(2 * X[:, 2]) + np.abs(X[:, 3]) * (X[:, 4] > 0)
    z += 0.5 * X[:, 5] ** 2 - 0.5 + 0.7 * X[:, 6] * (X[:, 7] > 0.3) + 0.15 * X[:, 8:20].sum(axis=1)
    y = (random.random(rows) < 1 / (1 + np.exp(-z))).astype(np.float32)
    return X, y


def auc(y: np.ndarray, scores: np.ndarray) -> float:
    """Share of pairs of a positive and a negative row that are in the right order."""
    rank = np.empty(len(scores))
    rank[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)
    positive = int(y.sum())
    below = rank[y > 0].sum() - positive * (positive + 1) / 2
    return float(below / (positive * (len(y) - positive)))


def log_loss(y: np.ndarray, scores: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0, scores) - y * scores))


class Bench:
    """The runs on one task."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self._options = options
        self._folder = folder
        X, y = make_rows(options.rows + HELD_OUT, seed=1)
        self._truth = y[options.rows :]
        for name, part in (("X", X[: options.rows]), ("y", y[: options.rows])):
            np.save(folder / f"{name}.npy", part)
        np.save(folder / "held.npy", X[options.rows :])

    def run(self, side: str, threads: int) -> dict[str, float]:
        """Train one side once."""
        setting = {
            "trees": self._options.trees, "leaves": 63, "bins": 255, "learning_rate": 0.1,
            "l2": 1.0, "min_leaf_samples": 20, "threads": threads,
        }  # fmt: skip
        output = environments.run(
            SIDES[side], "gbdt_side.py", side, self._folder, json.dumps(setting), threads=threads
        )
        found = json.loads(output.splitlines()[-1])
        scores = np.load(self._folder / f"{side}.npy")
        return {
            **found,
            "auc": auc(self._truth, scores),
            "log_loss": log_loss(self._truth, scores),
        }

    def compare(self, threads: int) -> list[dict[str, Any]]:
        """Run the sides in turns; ratios are of what stands next to each other in a turn."""
        turns: list[dict[str, dict[str, float]]] = []
        for turn in range(self._options.rounds):
            order = list(SIDES) if turn % 2 == 0 else list(SIDES)[::-1]
            turns.append({side: self.run(side, threads) for side in order})
        rows = []
        for side in SIDES:
            row: dict[str, Any] = {"side": side, "threads": threads}
            for name in ("binning", "boosting", "auc", "log_loss", "peak_mb"):
                row[name] = median(turn[side][name] for turn in turns)
            for name in ("binning", "boosting"):
                row[f"{name}_ratio"] = median(
                    turn["lightgbm"][name] / turn[side][name] for turn in turns
                )
            rows.append(row)
        return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="a look while working; writes nothing")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.rows = 1, 200_000
    machine = environments.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, {options.rows:,} x {FEATURES}, "
          f"{options.trees} trees of 63 leaves")  # fmt: skip
    print(f"{'threads':>7} {'side':<10}{'binning s':>10}{'ratio':>7}{'boosting s':>11}{'ratio':>7}"
          f"{'AUC':>9}{'log loss':>10}{'peak MB':>9}")  # fmt: skip
    results = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        for threads in options.threads:
            for row in bench.compare(threads):
                results.append(row)
                print(
                    f"{threads:>7} {row['side']:<10}{row['binning']:>10.3f}"
                    f"{row['binning_ratio']:>7.2f}{row['boosting']:>11.3f}"
                    f"{row['boosting_ratio']:>7.2f}{row['auc']:>9.5f}{row['log_loss']:>10.5f}"
                    f"{row['peak_mb']:>9.0f}",
                    flush=True,
                )
    print("ratio: LightGBM's seconds over the side's; above 1 the side is faster")
    if options.quick:
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": machine,
        "date": time.strftime("%Y-%m-%d"),
        "rows": options.rows,
        "trees": options.trees,
        "rounds": options.rounds,
        "lightgbm": environments.sections()["forests"],
        "results": results,
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()
