"""BPR and WARP against implicit's BPR: seconds a pass over the pairs, and NDCG@20.

    .venv/bin/python benchmarks/peers/bpr.py [--rounds 3] [--threads 2]
    .venv/bin/python benchmarks/peers/bpr.py --quick      # one setting for all, 20 passes

Each subject's pairs are dealt at random: 80 % to train, 10 % to a validation part, 10 % to a test
part. Each side's learning rate and regularization are the best of the same grid on the validation
part (full ranking, what was trained on masked); then the sides take turns, each time in a process
of its own, and the test part is judged by one function here from the factors they hand back. A pass
is one stochastic step a pair for every side. Prints a table and writes
`benchmarks/results/bpr.json`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import als
import environments
import made_data
import numpy as np
import scipy.sparse as sp

RESULTS = environments.ROOT / "benchmarks" / "results" / "bpr.json"
DATA = {
    "online_retail": als.online_retail,
    "like_movielens_1m": made_data.like_movielens_1m,
    "like_gowalla": made_data.like_gowalla,
}
SIDES = {"penchant_bpr": None, "penchant_warp": None, "implicit": "implicit"}
GRID = {"learning_rate": [0.02, 0.05, 0.1], "regularization": [0.003, 0.01, 0.03]}
QUICK = {"learning_rate": 0.05, "regularization": 0.01}
FACTORS = 64
TOP = 20


def deal(matrix: sp.csr_matrix, seed: int = 5) -> tuple[sp.csr_matrix, ...]:
    """Split the pairs of each subject at random: train, validation, test."""
    pairs = matrix.tocoo()
    lot = np.random.default_rng(seed).random(pairs.nnz)
    parts = []
    for low, high in ((0.0, 0.8), (0.8, 0.9), (0.9, 1.0)):
        mine = (lot >= low) & (lot < high)
        ones = np.ones(int(mine.sum()), dtype=np.float32)
        parts.append(sp.csr_matrix((ones, (pairs.row[mine], pairs.col[mine])), shape=matrix.shape))
    return tuple(parts)


def ndcg(users: np.ndarray, items: np.ndarray, seen: sp.csr_matrix, truth: sp.csr_matrix) -> float:
    """Mean NDCG@20 over the subjects with truth, the whole catalogue ranked but what was seen."""
    discount = 1 / np.log2(np.arange(2, TOP + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    values = []
    asked = np.flatnonzero(np.diff(truth.indptr))
    for start in range(0, len(asked), 1024):
        rows = asked[start : start + 1024]
        scores = users[rows] @ items.T
        scores[seen[rows].nonzero()] = -np.inf
        top = np.argpartition(-scores, TOP, axis=1)[:, :TOP]
        order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
        top = np.take_along_axis(top, order, axis=1)
        right = truth[rows].toarray()
        gain = (np.take_along_axis(right, top, axis=1) * discount).sum(axis=1)
        values.append(gain / ideal[np.minimum(np.diff(truth.indptr)[rows], TOP)])
    return float(np.concatenate(values).mean())


class Bench:
    """The runs on one matrix."""

    def __init__(self, matrix: sp.csr_matrix, options: argparse.Namespace, folder: Path) -> None:
        self.train, self.valid, self.test = deal(matrix)
        self._options = options
        self._folder = folder
        task = self.train
        np.savez(
            folder / "task.npz",
            data=task.data, indices=task.indices, indptr=task.indptr, shape=task.shape,
        )  # fmt: skip

    def run(self, side: str, setting: dict[str, Any], truth: sp.csr_matrix) -> tuple[float, float]:
        """Train one side once; return seconds a pass and NDCG@20."""
        setting = {
            "factors": FACTORS,
            "iterations": self._options.iterations,
            "threads": self._options.threads,
            **setting,
        }
        out = self._folder / f"{side}.npz"
        output = environments.run(
            SIDES[side], "bpr_side.py", side, self._folder / "task.npz", out, json.dumps(setting),
            threads=self._options.threads,
        )  # fmt: skip
        seconds = json.loads(output.splitlines()[-1])["seconds"] / setting["iterations"]
        with np.load(out) as found:
            return seconds, ndcg(found["users"], found["items"], self.train, truth)

    def choose(self, side: str) -> dict[str, Any]:
        """Return the setting of the grid that is best on the validation part."""
        if self._options.quick:
            return dict(QUICK)
        settings = [
            dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())
        ]
        return max(settings, key=lambda setting: self.run(side, setting, self.valid)[1])

    def compare(self) -> list[dict[str, Any]]:
        """Choose for each side, then run them in turns on the test part."""
        chosen = {side: self.choose(side) for side in SIDES}
        seconds: dict[str, list[float]] = {side: [] for side in SIDES}
        quality: dict[str, list[float]] = {side: [] for side in SIDES}
        for turn in range(self._options.rounds):
            order = list(SIDES) if turn % 2 == 0 else list(SIDES)[::-1]
            for side in order:
                took, value = self.run(side, chosen[side], self.test)
                seconds[side].append(took)
                quality[side].append(value)
        base = median(seconds["implicit"])
        return [
            {
                "side": side,
                "setting": chosen[side],
                "seconds_per_pass": median(seconds[side]),
                "ratio": base / median(seconds[side]),
                "ndcg@20": median(quality[side]),
                "ndcg_spread": [min(quality[side]), max(quality[side])],
            }
            for side in SIDES
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", nargs="*", default=list(DATA), choices=list(DATA))
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="a look while working; writes nothing")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.iterations = 1, 20
    machine = environments.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, {options.threads} threads a side, "
          f"{FACTORS} factors, {options.iterations} passes")  # fmt: skip
    print(f"{'data':<19}{'side':<15}{'s a pass':>10}{'ratio':>7}{'NDCG@20':>9}  setting")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.data:
            for row in Bench(DATA[name](), options, Path(folder)).compare():
                results.append({"data": name, **row})
                print(
                    f"{name:<19}{row['side']:<15}{row['seconds_per_pass']:>10.4f}"
                    f"{row['ratio']:>7.2f}{row['ndcg@20']:>9.4f}  {row['setting']}",
                    flush=True,
                )
    print("ratio: implicit's seconds over the side's; above 1 the side is faster")
    if options.quick:
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": machine,
        "date": time.strftime("%Y-%m-%d"),
        "threads": options.threads,
        "rounds": options.rounds,
        "iterations": options.iterations,
        "implicit": environments.sections()["implicit"],
        "rows": results,
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()
