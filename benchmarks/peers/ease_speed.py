"""Seconds of the closed-form item models by size of the catalogue, EASE against irspack's.

    .venv/bin/python benchmarks/peers/ease_speed.py
    .venv/bin/python benchmarks/peers/ease_speed.py --items --large 40000 --output ease_40000.json

Random pairs with power-law popularity. At each size of --items both sides fit EASE on the same
matrix in turns, each time in a process of its own; the largest difference between their
scores shows that both did the work. At --large only ours are timed, once, with the peak of the
process's memory. Prints a table and writes `benchmarks/results/ease_speed.json`.
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
import scipy.sparse as sp

RESULTS = environments.ROOT / "benchmarks" / "results" / "ease_speed.json"
REGULARIZATION = 200.0
MODELS = ("EASE", "LocalRidge", "GraphFilter")


def skewed(subjects: int, items: int, pairs: int) -> sp.csr_matrix:
    """Random pairs, popularity and activity falling off like a power; each item at least once."""
    random = np.random.default_rng(7)
    row = (subjects * random.random(pairs) ** 1.8).astype(np.int64)
    column = (items * random.random(pairs) ** 2.6).astype(np.int64)
    row[:items] = random.integers(subjects, size=items)
    column[:items] = np.arange(items)
    keys = np.unique(row * items + column)
    ones = np.ones(len(keys), dtype=np.float32)
    return sp.csr_matrix((ones, (keys // items, keys % items)), shape=(subjects, items))


def side(name: str, model: str, task: Path, answer: Path, threads: int) -> tuple[float, float]:
    """Fit in a process of its own; return seconds and the peak of its memory in GB."""
    output = environments.run(
        None if name == "penchant" else name,
        "ease_speed_side.py", name, model, task, answer, REGULARIZATION, threads, threads=threads,
    )  # fmt: skip
    found = json.loads(output.splitlines()[-1])
    return found["seconds"], found["peak_gb"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--items", type=int, nargs="*", default=[5000])
    parser.add_argument("--large", type=int, nargs="*", default=[20_000])
    parser.add_argument("--models", nargs="*", default=["EASE"], choices=MODELS, help="at --large")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        task, answer = Path(folder) / "task.npz", Path(folder) / "answer.npz"
        for items in [*options.items, *options.large]:
            matrix = skewed(2 * items, items, 50 * items)
            np.savez(
                task, data=matrix.data, indices=matrix.indices, indptr=matrix.indptr,
                shape=matrix.shape,
            )  # fmt: skip
            if items in options.large:
                for model in options.models:
                    seconds, peak = side("penchant", model, task, answer, options.threads)
                    row = {"items": items, "model": model, "penchant": seconds, "peak_gb": peak}
                    rows.append(row)
                    print(
                        f"{items} items, {matrix.nnz} pairs: {model} {seconds:.1f} s, "
                        f"peak {peak:.2f} GB", flush=True,
                    )  # fmt: skip
                continue
            rows.append(compare(items, matrix, task, answer, options))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": environments.machine(), "threads": options.threads, "rows": rows}
    options.output.write_text(json.dumps(found, indent=1) + "\n")
    print(f"written: {options.output}")


def compare(
    items: int, matrix: sp.csr_matrix, task: Path, answer: Path, options: argparse.Namespace
) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {"penchant": [], "irspack": []}
    scores = {}
    for turn in range(options.rounds):
        for name in list(seconds)[:: 1 if turn % 2 == 0 else -1]:
            seconds[name].append(side(name, "EASE", task, answer, options.threads)[0])
            scores[name] = np.load(answer)["scores"]
    middle = {name: median(each) for name, each in seconds.items()}
    apart = float(np.abs(scores["penchant"] - scores["irspack"]).max())
    ratio = middle["irspack"] / middle["penchant"]
    print(
        f"{items} items, {matrix.nnz} pairs: EASE {middle['penchant']:.1f} s, irspack "
        f"{middle['irspack']:.1f} s, ratio {ratio:.2f}; scores differ by {apart:.1e} at most, the "
        f"largest is {np.abs(scores['irspack']).max():.2f}",
        flush=True,
    )
    return {"items": items, "model": "EASE", **middle, "ratio": ratio, "scores_differ_by": apart}


if __name__ == "__main__":
    main()
