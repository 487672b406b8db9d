"""Seconds per iteration of ALS: Penchant against implicit and irspack, same data, factors, weights.

    .venv/bin/python benchmarks/peers/als.py [--rounds 5] [--threads 2]
    .venv/bin/python benchmarks/peers/als.py --quick    # one turn, the smaller matrices

The sides take turns, each time in a process of its own, and the loss that both reached is computed
by one function here from the factors they hand back. Prints a table and writes
`benchmarks/results/als.json`; all of it takes about a quarter of an hour on two cores.

Weights: an observed pair counts 11, an unobserved one 1: implicit(alpha=11), ALS(alpha=10), and
irspack(alpha0=1, loss_type="ORIGINAL") on a matrix of tens.
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

import environments
import made_data
import numpy as np
import scipy.sparse as sp

RESULTS = environments.ROOT / "benchmarks" / "results" / "als.json"
CONFIDENCE = 11.0
REGULARIZATION = 1.0


def online_retail() -> sp.csr_matrix:
    import protocol
    from online_retail import read_lines

    _, subjects, items, times = read_lines()
    cut = np.datetime64("2011-11-12T00:00:00")
    return protocol.make_window(subjects, items, times, cut).matrix("binary")


def movielens_small() -> sp.csr_matrix:
    import penchant as pn

    ratings = pn.datasets.load("movielens_latest_small")
    row = np.unique(ratings["user"], return_inverse=True)[1]
    column = np.unique(ratings["movie"], return_inverse=True)[1]
    ones = np.ones(len(row), dtype=np.float32)
    return sp.csr_matrix((ones, (row, column)), shape=(row.max() + 1, column.max() + 1))


DATA = {
    "online_retail": online_retail,
    "movielens_small": movielens_small,
    "like_movielens_1m": made_data.like_movielens_1m,
    "like_gowalla": made_data.like_gowalla,
}
DEFAULT = ("online_retail", "like_movielens_1m", "like_gowalla")
PEERS = ("implicit", "irspack")


def loss(matrix: sp.csr_matrix, users: np.ndarray, items: np.ndarray) -> float:
    """Objective of both sides, in double precision, in blocks of users.

    sum_observed c (1 - x.y)^2 + sum_unobserved (x.y)^2 + regularization (|X|^2 + |Y|^2); the sum of
    (x.y)^2 over all pairs is the trace of X'X Y'Y.
    """
    users, items = users.astype(np.float64), items.astype(np.float64)
    everything = float(np.sum((users.T @ users) * (items.T @ items)))
    observed = 0.0
    for start in range(0, matrix.shape[0], 4096):
        block = matrix[start : start + 4096].tocoo()
        dots = np.einsum("pf,pf->p", users[start + block.row], items[block.col])
        observed += float(np.sum(CONFIDENCE * (1 - dots) ** 2 - dots**2))
    return everything + observed + REGULARIZATION * float((users**2).sum() + (items**2).sum())


class Bench:
    """The runs of all sides on one matrix with one setting."""

    def __init__(
        self, matrix: sp.csr_matrix, factors: int, solver: str, options: argparse.Namespace,
        folder: Path,
    ) -> None:  # fmt: skip
        self.matrix = matrix
        self.factors, self.solver = factors, solver
        self._options = options
        self._folder = folder
        np.savez(
            folder / "task.npz",
            data=matrix.data, indices=matrix.indices, indptr=matrix.indptr, shape=matrix.shape,
        )  # fmt: skip

    def run(self, side: str, *, track_loss: bool = False) -> tuple[list[float], float, list[float]]:
        """Train one side; return seconds an iteration, the loss, and the losses on the way."""
        setting = {
            "factors": self.factors,
            "solver": self.solver,
            "iterations": self._options.iterations,
            "threads": self._options.threads,
            "confidence": CONFIDENCE,
            "regularization": REGULARIZATION,
            "track_loss": track_loss,
        }
        out = self._folder / f"{side}.npz"
        output = environments.run(
            None if side == "penchant" else side, "als_side.py", side,
            self._folder / "task.npz", out, json.dumps(setting), threads=self._options.threads,
        )  # fmt: skip
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        with np.load(out) as found:
            value = loss(self.matrix, found["users"], found["items"])
        return lines[-1]["seconds"], value, lines[0].get("losses", [])

    def compare(self) -> dict[str, Any]:
        """Run the sides in turns; return medians, ratios, losses, the time to implicit's loss."""
        sides = ["penchant", *(p for p in PEERS if p in self._options.peers)]
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        totals: dict[str, list[float]] = {side: [] for side in sides}
        losses: dict[str, float] = {}
        for turn in range(self._options.rounds):
            for side in sides if turn % 2 == 0 else sides[::-1]:
                took, losses[side], _ = self.run(side)
                # The first iteration of a process also pays for its start.
                seconds[side] += took[1:]
                totals[side].append(sum(took))
        middle = {side: median(values) for side, values in seconds.items()}
        out: dict[str, Any] = {
            "factors": self.factors,
            "solver": self.solver,
            "shape": list(self.matrix.shape),
            "pairs": int(self.matrix.nnz),
            "seconds_per_iteration": middle,
            "spread": {side: [min(v), max(v)] for side, v in seconds.items()},
            "ratio": {side: middle[side] / middle["penchant"] for side in sides[1:]},
            "loss": losses,
        }
        if "implicit" in sides:
            out["time_to_loss"] = self.time_to_loss(losses["implicit"], median(totals["implicit"]))
        return out

    def time_to_loss(self, wanted: float, theirs: float) -> dict[str, Any]:
        """When Penchant has reached the loss that implicit has after all its iterations."""
        took, _, losses = self.run("penchant", track_loss=True)
        reached = next((k for k, value in enumerate(losses) if value <= wanted), None)
        if reached is None:
            return {"iterations": None}
        ours = sum(took[: reached + 1])
        return {"iterations": reached + 1, "seconds": ours, "ratio": theirs / ours}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--factors", type=int, nargs="*", default=[64, 128, 256])
    parser.add_argument("--solvers", nargs="*", default=["cg", "cholesky"])
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS)
    parser.add_argument("--data", nargs="*", default=list(DEFAULT), choices=list(DATA))
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="a look while working; writes nothing")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.solvers = 1, ["cg"]
        options.data = [name for name in options.data if name != "like_gowalla"]
    machine = environments.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, {options.threads} threads a side")
    print(
        f"{'data':<18}{'factors':>8}{'solver':>10}{'penchant':>10}{'implicit':>10}{'irspack':>9}"
        f"{'ratios':>13}{'loss':>12}{'implicit':>12}{'irspack':>12}{'to loss':>14}"
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.data:
            matrix = DATA[name]()
            for factors, solver in itertools.product(options.factors, options.solvers):
                # The exact solvers of the other sides take minutes on the larger data.
                if solver == "cholesky" and (factors > 128 or name == "like_gowalla"):
                    continue
                bench = Bench(matrix, factors, solver, options, Path(folder))
                rows.append({"data": name, **bench.compare()})
                print(line(rows[-1]), flush=True)
    print("ratios: implicit's and irspack's seconds over Penchant's; above 1 Penchant is faster")
    print("to loss: iterations to implicit's last loss, and its time to there over Penchant's")
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
        "irspack": environments.sections()["irspack"],
        "rows": rows,
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {options.output}")


def line(row: dict[str, Any]) -> str:
    """Return one row of the table."""
    each, ratio, losses = row["seconds_per_iteration"], row["ratio"], row["loss"]
    missing = float("nan")
    to_loss = row.get("time_to_loss", {"iterations": None})
    reached = "-"
    if to_loss["iterations"] is not None:
        reached = f"{to_loss['iterations']} its {to_loss['ratio']:.1f}"
    return (
        f"{row['data']:<18}{row['factors']:>8}{row['solver']:>10}{each['penchant']:>9.4f}s"
        f"{each.get('implicit', missing):>9.4f}s{each.get('irspack', missing):>8.4f}s"
        f"{ratio.get('implicit', missing):>7.2f}{ratio.get('irspack', missing):>6.2f}"
        f"{losses['penchant']:>12.0f}{losses.get('implicit', missing):>12.0f}"
        f"{losses.get('irspack', missing):>12.0f}{reached:>14}"
    )


if __name__ == "__main__":
    main()
