"""One side of `als.py`, in a process of its own: trains, hands back times and factors.

python als_side.py penchant|implicit|irspack TASK.npz FACTORS.npz SETTING_JSON
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
        track_loss=setting["track_loss"],
    ).fit(data, progress=False)
    users = np.zeros((matrix.shape[0], setting["factors"]), dtype=np.float32)
    items = np.zeros((matrix.shape[1], setting["factors"]), dtype=np.float32)
    # Rows and columns with no pair have no place in the dataset, and zeros in the objective.
    users[np.asarray(data.subject_ids)] = model.subject_factors
    items[np.asarray(data.item_ids)] = model.item_factors
    if setting["track_loss"]:
        print(json.dumps({"losses": model.loss_.tolist()}))
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


def irspack(matrix: sp.csr_matrix, setting: dict[str, Any]) -> tuple[list[float], Any, Any]:
    from irspack import IALSRecommender

    # Its objective is half of ours with these (docs/models.md): observed pairs weigh alpha0 + X.
    model = IALSRecommender(
        matrix.astype(np.float64) * (setting["confidence"] - 1),
        n_components=setting["factors"],
        alpha0=1.0,
        reg=setting["regularization"],
        nu=0.0,
        loss_type="ORIGINAL",
        solver_type=setting["solver"].upper(),
        n_threads=setting["threads"],
        random_seed=0,
    )
    trainer = model._create_trainer()
    seconds: list[float] = []
    for _ in range(setting["iterations"]):
        began = time.perf_counter()
        trainer.run_epoch()
        seconds.append(time.perf_counter() - began)
    return seconds, trainer.core_trainer.user, trainer.core_trainer.item


def main() -> None:
    side, task, out, setting = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
    with np.load(task) as found:
        parts = (found["data"], found["indices"], found["indptr"])
        matrix = sp.csr_matrix(parts, shape=tuple(found["shape"]))
    fit = {"penchant": penchant, "implicit": implicit, "irspack": irspack}[side]
    seconds, users, items = fit(matrix, setting)
    np.savez(out, users=users, items=items)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
