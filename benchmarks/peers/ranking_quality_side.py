"""One side of `ranking_quality.py`: scores every query by trees that were fitted to the others.

python ranking_quality_side.py penchant|lightgbm|xgboost FOLDER OBJECTIVE SETTING_JSON
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

THREADS = 2


def penchant(X: Any, y: Any, sizes: Any, held: Any, objective: str, setting: Any, seed: int) -> Any:
    import penchant as pn

    model = pn.GBDTRanker(
        objective=objective, seed=seed, threads=THREADS, **setting,
    )  # fmt: skip
    return model.fit(X, y, group=np.repeat(np.arange(len(sizes)), sizes)).predict(held)


def lightgbm(X: Any, y: Any, sizes: Any, held: Any, objective: str, setting: Any, seed: int) -> Any:
    import lightgbm as lgb

    params = {
        "objective": {"lambdamart": "lambdarank", "xendcg": "rank_xendcg"}[objective],
        "num_leaves": setting["leaves"],
        "learning_rate": setting["learning_rate"],
        "lambda_l2": setting["l2"],
        "min_data_in_leaf": setting["min_leaf_samples"],
        "lambdarank_truncation_level": setting["truncation"],
        "seed": seed,
        "num_threads": THREADS,
        "verbose": -1,
    }
    return lgb.train(params, lgb.Dataset(X, y, group=sizes), setting["trees"]).predict(held)


def xgboost(X: Any, y: Any, sizes: Any, held: Any, objective: str, setting: Any, seed: int) -> Any:
    import xgboost as xgb

    assert objective == "lambdamart"
    params = {
        "objective": "rank:ndcg",
        "lambdarank_pair_method": "topk",
        "lambdarank_num_pair_per_sample": setting["truncation"],
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": setting["leaves"],
        "max_depth": 0,
        "max_bin": 255,
        "eta": setting["learning_rate"],
        "lambda": setting["l2"],
        # It knows no rows of a leaf, only their second derivatives.
        "min_child_weight": 1e-3,
        "seed": seed,
        "nthread": THREADS,
    }
    rows = xgb.DMatrix(X, y)
    rows.set_group(sizes)
    return xgb.train(params, rows, setting["trees"]).predict(xgb.DMatrix(held))


def main() -> None:
    side, folder, objective = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    setting = json.loads(sys.argv[4])
    X, y, sizes, parts = (np.load(folder / f"{n}.npy") for n in ("X", "y", "sizes", "parts"))
    run = {"penchant": penchant, "lightgbm": lightgbm, "xgboost": xgboost}[side]
    scores = np.empty((len(parts), len(y)))
    for repeat, part in enumerate(parts):
        for number in range(part.max() + 1):
            held = np.repeat(part == number, sizes)
            scores[repeat, held] = run(
                X[~held], y[~held], sizes[part != number], X[held], objective, setting, repeat
            )
    np.save(folder / f"{side}_{objective}.npy", scores)


if __name__ == "__main__":
    main()
