"""One side of `als.py`, in a process of its own: trains, hands back times and factors.

python als_side.py penchant|implicit TASK.npz FACTORS.npz SETTING_JSON
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import scipy.sparse as sp


def penchant(matrix: sp.csr_matrix, setting: dict[str, Any]) -> tuple[list[float], Any, Any]:
    import penchant as pn

    pairs = matrix.tocoo()
    data = pn.Dataset.from_interactions(pairs.row.astype(np.int64), pairs.col.astype(np.int64))
    model = pn.ALS(
        factors=setting["factors"],
        regularization=setting["regularization"],
        alpha=setting["confidence"] - 1,
        iterations=setting["iterations"],
        solver=setting["solver"],
        threads=setting["threads"],
    ).fit(data, progress=False)
    users = np.zeros((matrix.shape[0], setting["factors"]), dtype=np.float32)
    items = np.zeros((matrix.shape[1], setting["factors"]), dtype=np.float32)
    # Rows and columns with no pair have no place in the dataset, and zeros in the objective.
    users[np.asarray(data.subject_ids)] = model.subject_factors
    items[np.asarray(data.item_ids)] = model.item_factors
    return [entry["seconds"] for entry in model.history_], users, items


def implicit(matrix: sp.csr_matrix, setting: dict[str, Any]) -> tuple[list[float], Any, Any]:
    from implicit.cpu.als import AlternatingLeastSquares

    seconds: list[float] = []
    model = AlternatingLeastSquares(
        factors=setting["factors"],
        regularization=setting["regularization"],
        alpha=setting["confidence"],
        iterations=setting["iterations"],
        use_cg=setting["solver"] == "cg",
        num_threads=setting["threads"],
        random_state=0,
    )
    began = time.perf_counter()
    model.fit(
        matrix,
        show_progress=False,
        callback=lambda _, elapsed, __: seconds.append(elapsed),
    )
    if not seconds or sum(seconds) > time.perf_counter() - began + 1e-3:
        raise SystemExit("implicit's callback no longer gives seconds an iteration")
    return seconds, model.user_factors, model.item_factors


def main() -> None:
    side, task, out, setting = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
    with np.load(task) as found:
        parts = (found["data"], found["indices"], found["indptr"])
        matrix = sp.csr_matrix(parts, shape=tuple(found["shape"]))
    seconds, users, items = {"penchant": penchant, "implicit": implicit}[side](matrix, setting)
    np.savez(out, users=users, items=items)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
