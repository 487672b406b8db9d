"""One side of `gbdt.py`, in a process of its own: bins, boosts, scores held-out rows.

python gbdt_side.py penchant|lightgbm|lightgbm_quantized|xgboost FOLDER SETTING_JSON
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import gbdt_settings
import numpy as np

Found = tuple[float, float, Any]  # seconds of binning, of boosting; scores of the held-out rows


def penchant(X: Any, y: Any, held: Any, setting: dict[str, Any]) -> Found:
    from penchant import _core

    threads, query = setting["threads"], setting["query"]
    began = time.perf_counter()
    binned = _core.BinnedRows(
        X,
        weights=None,
        bins=setting["bins"],
        categorical=setting["categorical"],
        seed=0,
        threads=threads,
    )
    middle = time.perf_counter()
    options = gbdt_settings.penchant(setting)
    labels = _core.RowLabels(y, group_begin=np.arange(0, len(y) + 1, query) if query else None)
    forest = _core.train_forest(
        binned, labels, objective="lambdamart" if query else "logistic", options=options
    )["forest"]
    end = time.perf_counter()
    return middle - began, end - middle, forest.predict_raw(held, threads)[:, 0]


def lightgbm(X: Any, y: Any, held: Any, setting: dict[str, Any], **more: Any) -> Found:
    import lightgbm as lgb

    query = setting["query"]
    params = {
        "objective": "lambdarank" if query else "binary",
        **gbdt_settings.lightgbm(setting),
        **more,
    }
    group = {"group": np.full(len(y) // query, query)} if query else {}
    chosen = setting["categorical"] or "auto"
    began = time.perf_counter()
    data = lgb.Dataset(X, y, params=params, categorical_feature=chosen, **group).construct()
    middle = time.perf_counter()
    model = lgb.train(params, data, setting["trees"])
    end = time.perf_counter()
    return middle - began, end - middle, model.predict(held, raw_score=True)


def lightgbm_quantized(X: Any, y: Any, held: Any, setting: dict[str, Any]) -> Found:
    return lightgbm(X, y, held, setting, use_quantized_grad=True, quant_train_renew_leaf=True)


def xgboost(X: Any, y: Any, held: Any, setting: dict[str, Any]) -> Found:
    import xgboost as xgb

    query = setting["query"]
    params = {
        "objective": "rank:ndcg" if query else "binary:logistic",
        **gbdt_settings.xgboost(setting),
    }
    if query:
        params |= {"lambdarank_pair_method": "topk", "lambdarank_num_pair_per_sample": 30}
    kinds = gbdt_settings.xgboost_kinds(setting, X.shape[1])
    began = time.perf_counter()
    data = xgb.QuantileDMatrix(
        X, y, max_bin=setting["bins"], nthread=setting["threads"], **kinds,
    )  # fmt: skip
    if query:
        data.set_group(np.full(len(y) // query, query))
    middle = time.perf_counter()
    model = xgb.train(params, data, setting["trees"])
    end = time.perf_counter()
    scores = model.predict(xgb.DMatrix(held, **kinds), output_margin=True)
    return middle - began, end - middle, scores


SIDES = {
    "penchant": penchant,
    "lightgbm": lightgbm,
    "lightgbm_quantized": lightgbm_quantized,
    "xgboost": xgboost,
}


def main() -> None:
    side, folder, setting = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    X, y = np.load(folder / "X.npy", mmap_mode="r"), np.load(folder / "y.npy")
    held = np.load(folder / "held.npy")
    X[:, 0].sum()  # from the disk, if it is there
    binning, boosting, scores = SIDES[side](X, y, held, setting)
    # Of this process alone: what getrusage tells begins with the memory of the one that forked it.
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    np.save(folder / f"{side}.npy", np.asarray(scores))
    print(json.dumps({"binning": binning, "boosting": boosting, "peak_mb": peak}))


if __name__ == "__main__":
    main()
