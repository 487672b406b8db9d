"""Seconds per iteration of ALS: Penchant against implicit, same data, factors, weights and loss.

    .venv/bin/python benchmarks/peers/als.py [--rounds 5] [--threads 2]

The sides take turns, each time in a process of its own, and the loss that both reached is computed
by one function here from the factors they hand back. Prints a table and writes
`benchmarks/results/als.json`.

Weights: an observed pair counts 11, an unobserved one 1: implicit(alpha=11), ALS(alpha=10).
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


def skewed(subjects: int = 50_000, items: int = 20_000, pairs: int = 2_000_000) -> sp.csr_matrix:
    """Random pairs with popularity and activity that fall off like a power, as in real logs."""
    random = np.random.default_rng(7)
    size = int(pairs * 1.6)
    row = (subjects * random.random(size) ** 1.8).astype(np.int64)
    column = (items * random.random(size) ** 2.6).astype(np.int64)
    keys = np.unique(row * items + column)
    keys = np.sort(random.permutation(keys)[:pairs])
    ones = np.ones(len(keys), dtype=np.float32)
    return sp.csr_matrix((ones, (keys // items, keys % items)), shape=(subjects, items))


DATA = {"online_retail": online_retail, "skewed": skewed}
# The exact solver of the other side takes minutes on the larger data.
SOLVERS = {"online_retail": ("cg", "cholesky"), "skewed": ("cg",)}


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


def compare(
    matrix: sp.csr_matrix, factors: int, solver: str, options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """Run both sides in turns; return medians, ratio, losses and every single time."""
    task = folder / "task.npz"
    np.savez(
        task, data=matrix.data, indices=matrix.indices, indptr=matrix.indptr, shape=matrix.shape
    )
    seconds: dict[str, list[float]] = {"penchant": [], "implicit": []}
    losses: dict[str, float] = {}
    for turn in range(options.rounds):
        order = list(seconds) if turn % 2 == 0 else list(seconds)[::-1]
        for side in order:
            output = environments.run(
                None if side == "penchant" else side,
                "als_side.py",
                side,
                task,
                folder / f"{side}.npz",
                json.dumps(
                    {
                        "factors": factors,
                        "solver": solver,
                        "iterations": options.iterations,
                        "threads": options.threads,
                        "confidence": CONFIDENCE,
                        "regularization": REGULARIZATION,
                    }
                ),
                threads=options.threads,
            )
            # The first iteration of a process also pays for its start.
            seconds[side] += json.loads(output.splitlines()[-1])["seconds"][1:]
            with np.load(folder / f"{side}.npz") as found:
                losses[side] = loss(matrix, found["users"], found["items"])
    middle = {side: median(values) for side, values in seconds.items()}
    return {
        "factors": factors,
        "solver": solver,
        "shape": list(matrix.shape),
        "pairs": int(matrix.nnz),
        "seconds_per_iteration": middle,
        "spread": {side: [min(v), max(v)] for side, v in seconds.items()},
        "ratio": middle["implicit"] / middle["penchant"],
        "loss": losses,
        "loss_ratio": losses["penchant"] / losses["implicit"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--factors", type=int, nargs="*", default=[64, 128])
    parser.add_argument("--data", nargs="*", default=list(DATA), choices=list(DATA))
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    machine = environments.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, {options.threads} threads a side")
    heads = ("data", "factors", "solver", "penchant", "implicit", "ratio", "loss", "implicit's")
    print("{:<15}{:>8}{:>10}{:>11}{:>11}{:>7}{:>14}{:>14}".format(*heads))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.data:
            matrix = DATA[name]()
            for factors in options.factors:
                for solver in SOLVERS[name]:
                    row = {"data": name, **compare(matrix, factors, solver, options, Path(folder))}
                    rows.append(row)
                    each = row["seconds_per_iteration"]
                    print(
                        f"{name:<15}{factors:>8}{solver:>10}"
                        f"{each['penchant']:>10.4f}s{each['implicit']:>10.4f}s"
                        f"{row['ratio']:>7.2f}{row['loss']['penchant']:>14.1f}"
                        f"{row['loss']['implicit']:>14.1f}",
                        flush=True,
                    )
    print("ratio: implicit's seconds over Penchant's; above 1 Penchant is faster")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": machine,
        "date": time.strftime("%Y-%m-%d"),
        "threads": options.threads,
        "rounds": options.rounds,
        "iterations": options.iterations,
        "implicit": environments.sections()["implicit"],
        "rows": rows,
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()
