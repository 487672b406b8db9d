"""Boosted trees against LightGBM and XGBoost: seconds of binning and boosting, and quality.

    .venv/bin/python benchmarks/peers/gbdt.py [--shapes dense one_hot] [--rounds 3] [--threads 1 2]
    .venv/bin/python benchmarks/peers/gbdt.py --quick      # a fifth of the rows, one round

Made tasks of several shapes (`gbdt_shapes.py`). All sides get the same rows and parameters: 255
bins, 63 leaves, l2 1, leaf-wise growth. They take turns, each time in a process of its own, which
hands back the raw scores of held-out rows; they are judged by one function. LightGBM's quantized
mode has its defaults, with leaves renewed. Prints a table and updates the shapes that ran in
`benchmarks/results/gbdt.json`.
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
from gbdt_shapes import SHAPES

RESULTS = environments.ROOT / "benchmarks" / "results" / "gbdt.json"
SIDES = {
    "penchant": None,
    "lightgbm": "forests",
    "lightgbm_quantized": "forests",
    "xgboost": "forests",
}
SETTING = {"leaves": 63, "bins": 255, "learning_rate": 0.1, "l2": 1.0, "min_leaf_samples": 20}


class Bench:
    """The runs on one shape."""

    def __init__(self, name: str, options: argparse.Namespace, folder: Path) -> None:
        self._shape = SHAPES[name]
        self._options = options
        self._folder = folder
        self.rows = self._shape.rows // (5 if options.quick else 1)
        self._truth = self._shape.write(folder, self.rows)

    def run(self, side: str, threads: int) -> dict[str, float]:
        """Train one side once."""
        setting = {
            **SETTING,
            "trees": self._options.trees,
            "threads": threads,
            "categorical": self._shape.categorical,
            "query": self._shape.query,
        }
        output = environments.run(
            SIDES[side], "gbdt_side.py", side, self._folder, json.dumps(setting), threads=threads
        )
        found = json.loads(output.splitlines()[-1])
        return {**found, **self._shape.judge(self._truth, np.load(self._folder / f"{side}.npy"))}

    def compare(self, threads: int) -> list[dict[str, Any]]:
        """Run the sides in turns; ratios are of what stands next to each other in a turn."""
        turns: list[dict[str, dict[str, float]]] = []
        for turn in range(self._options.rounds):
            order = self._options.sides[:: 1 if turn % 2 == 0 else -1]
            turns.append({side: self.run(side, threads) for side in order})
        rows = []
        for side in self._options.sides:
            row: dict[str, Any] = {"side": side, "threads": threads}
            for name in turns[0][side]:
                row[name] = median(turn[side][name] for turn in turns)
            for name in ("binning", "boosting"):
                row[f"{name}_ratio"] = median(
                    turn[side][name] / turn["penchant"][name] for turn in turns
                )
            rows.append(row)
        return rows


def show(shape: str, row: dict[str, Any]) -> None:
    quality = [f"{row[name]:.5f}" for name in ("auc", "log_loss", "ndcg") if name in row]
    print(
        f"{shape:<11}{row['threads']:>7} {row['side']:<19}{row['binning']:>9.3f}"
        f"{row['binning_ratio']:>7.2f}{row['boosting']:>11.3f}{row['boosting_ratio']:>7.2f}"
        f"{row['peak_mb']:>9.0f}  {' '.join(quality)}",
        flush=True,
    )


def keep(path: Path, report: dict[str, Any]) -> None:
    """Replace the shapes that ran; others stay as they were measured."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept.update(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shapes", nargs="*", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--sides", nargs="*", choices=SIDES, default=list(SIDES))
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="a look while working; writes nothing")
    options = parser.parse_args()
    options.sides = ["penchant", *(side for side in options.sides if side != "penchant")]
    if options.quick:
        options.rounds = 1
    machine = environments.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, {options.trees} trees of 63 leaves")
    print(
        f"{'shape':<11}{'threads':>7} {'side':<19}{'binning s':>9}{'ratio':>7}{'boosting s':>11}"
        f"{'ratio':>7}{'peak MB':>9}  AUC and log loss, or NDCG@10"
    )
    for name in options.shapes:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(name, options, Path(folder))
            rows = [row for threads in options.threads for row in bench.compare(threads)]
        for row in rows:
            show(name, row)
        if not options.quick:
            report = {
                "machine": machine, "date": time.strftime("%Y-%m-%d"), "rows": bench.rows,
                "features": SHAPES[name].features, "trees": options.trees,
                "rounds": options.rounds, "packages": environments.sections()["forests"],
                "results": rows,
            }  # fmt: skip
            keep(options.output, {name: report})
    print("ratio: the side's seconds over Penchant's; above 1 Penchant is faster")


if __name__ == "__main__":
    main()
