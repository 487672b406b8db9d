"""One side of `gbdt.py`, in a process of its own: bins, boosts, scores held-out rows.

python gbdt_side.py penchant|lightgbm FOLDER SETTING_JSON
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def penchant(X: Any, y: Any, held: Any, setting: dict[str, Any]) -> tuple[float, float, Any]:
    from penchant import _core

    threads = setting["threads"]
    began = time.perf_counter()
    binned = _core.BinnedRows(
        X, weights=None, bins=setting["bins"], categorical=[], seed=0, threads=threads
    )
    middle = time.perf_counter()
    names = {"min_leaf_samples": "min_leaf_rows"}
    options = {names.get(name, name): v for name, v in setting.items() if name != "bins"}
    forest = _core.train_forest(binned, y, objective="logistic", options=options)["forest"]
    end = time.perf_counter()
    return middle - began, end - middle, forest.predict_raw(held, threads)[:, 0]


def lightgbm(X: Any, y: Any, held: Any, setting: dict[str, Any]) -> tuple[float, float, Any]:
    import lightgbm as lgb

    params = {
        "objective": "binary",
        "num_leaves": setting["leaves"],
        "max_bin": setting["bins"],
        "learning_rate": setting["learning_rate"],
        "lambda_l2": setting["l2"],
        "min_data_in_leaf": setting["min_leaf_samples"],
        "num_threads": setting["threads"],
        "verbose": -1,
    }
    began = time.perf_counter()
    data = lgb.Dataset(X, y, params=params).construct()
    middle = time.perf_counter()
    model = lgb.train(params, data, setting["trees"])
    end = time.perf_counter()
    return middle - began, end - middle, model.predict(held, raw_score=True)


def main() -> None:
    side, folder, setting = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    X, y, held = (np.load(folder / f"{name}.npy") for name in ("X", "y", "held"))
    run = {"penchant": penchant, "lightgbm": lightgbm}[side]
    binning, boosting, scores = run(X, y, held, setting)
    np.save(folder / f"{side}.npy", np.asarray(scores))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"binning": binning, "boosting": boosting, "peak_mb": peak}))


if __name__ == "__main__":
    main()
