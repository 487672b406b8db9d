"""One fit for `ease_speed.py`, in a process of its own.

python ease_speed_side.py penchant|irspack MODEL TASK.npz ANSWER.npz REGULARIZATION THREADS
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import numpy as np
import scipy.sparse as sp

ASKED = 50  # subjects whose scores are handed back


def penchant(model: str, matrix: sp.csr_matrix, regularization: float, threads: int) -> Any:
    import penchant as pn

    entries = matrix.tocoo()
    data = pn.Dataset.from_interactions(entries.row, entries.col, None)
    made = {
        "EASE": lambda: pn.EASE(regularization, threads=threads),
        "LocalRidge": lambda: pn.LocalRidge(threads=threads),
        "GraphFilter": lambda: pn.GraphFilter(threads=threads),
    }[model]()
    if model == "EASE" and matrix.shape[1] <= 10_000:
        made.keep = None  # all coefficients, as the other side keeps them
    began = time.perf_counter()
    made.fit(data, progress=False)
    seconds = time.perf_counter() - began
    scorer = made._scorer(data.subject_ids[:ASKED], exclude_seen=False)
    scores = np.zeros((ASKED, matrix.shape[1]), dtype=np.float32)
    for row in range(ASKED):
        scores[row, data.item_ids] = scorer.scores(row)
    return seconds, scores


def irspack(_: str, matrix: sp.csr_matrix, regularization: float, threads: int) -> Any:
    from irspack import DenseSLIMRecommender
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads):
        began = time.perf_counter()
        model = DenseSLIMRecommender(matrix.astype(np.float64), reg=regularization).learn()
        seconds = time.perf_counter() - began
        asked = np.flatnonzero(np.diff(matrix.indptr))[:ASKED]
        return seconds, np.asarray(model.get_score(asked))


def main() -> None:
    name, model, task, answer, regularization, threads = sys.argv[1:]
    given = np.load(task)
    matrix = sp.csr_matrix(
        (given["data"], given["indices"], given["indptr"]), shape=tuple(given["shape"])
    )
    fit = {"penchant": penchant, "irspack": irspack}[name]
    seconds, scores = fit(model, matrix, float(regularization), int(threads))
    np.savez(answer, scores=scores)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9  # Linux: in KiB
    print(json.dumps({"seconds": seconds, "peak_gb": peak}))


if __name__ == "__main__":
    main()
