"""One side of `bpr.py`, in a process of its own: trains, hands back the time and the factors.

python bpr_side.py penchant_bpr|penchant_warp|implicit TASK.npz FACTORS.npz SETTING_JSON
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import scipy.sparse as sp


def penchant(kind: str, matrix: sp.csr_matrix, setting: dict[str, Any]) -> tuple[float, Any, Any]:
    import penchant as pn

    pairs = matrix.tocoo()
    data = pn.Dataset.from_interactions(pairs.row.astype(np.int64), pairs.col.astype(np.int64))
    model = getattr(pn, kind)(**setting).fit(data, progress=False)
    width = setting["factors"] + 1
    users = np.zeros((matrix.shape[0], width), dtype=np.float32)
    items = np.zeros((matrix.shape[1], width), dtype=np.float32)
    users[np.asarray(data.subject_ids)] = model.core_model.user_factors
    items[np.asarray(data.item_ids)] = model.core_model.item_factors
    return sum(entry["seconds"] for entry in model.history_), users, items


def implicit(matrix: sp.csr_matrix, setting: dict[str, Any]) -> tuple[float, Any, Any]:
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    settings = dict(setting)
    settings["num_threads"] = settings.pop("threads")
    # A fit of one pass pays what only the first costs: its time is taken off.
    seconds = []
    for iterations in (1, settings["iterations"]):
        model = BayesianPersonalizedRanking(
            **{**settings, "iterations": iterations, "random_state": 0}
        )
        began = time.perf_counter()
        model.fit(matrix, show_progress=False)
        seconds.append(time.perf_counter() - began)
    passes = settings["iterations"]
    return (seconds[1] - seconds[0]) * passes / (passes - 1), model.user_factors, model.item_factors


def main() -> None:
    side, task, out, setting = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
    with np.load(task) as found:
        parts = (found["data"], found["indices"], found["indptr"])
        matrix = sp.csr_matrix(parts, shape=tuple(found["shape"]))
    if side == "implicit":
        seconds, users, items = implicit(matrix, setting)
    else:
        seconds, users, items = penchant(side.split("_")[1].upper(), matrix, setting)
    np.savez(out, users=users, items=items)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
