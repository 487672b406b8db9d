"""One side of `gbdt_quality.py`: fits each seed's rows and scores its held-out ones.

python gbdt_quality_side.py penchant|lightgbm|xgboost FOLDER SETTING_JSON
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gbdt_settings
import numpy as np


def penchant(X: Any, y: Any, weight: Any, held: Any, setting: dict[str, Any]) -> Any:
    from penchant import _core

    threads = setting["threads"]
    binned = _core.BinnedRows(
        X,
        weights=weight,
        bins=setting["bins"],
        categorical=setting["categorical"],
        seed=0,
        threads=threads,
    )
    options = gbdt_settings.penchant(setting) | setting.get("penchant", {})
    labels = _core.RowLabels(y, weight=weight)
    found = _core.train_forest(binned, labels, objective=setting["objective"], options=options)
    return found["forest"].predict_raw(held, threads)[:, 0]


def lightgbm(X: Any, y: Any, weight: Any, held: Any, setting: dict[str, Any]) -> Any:
    import lightgbm as lgb

    params = {
        "objective": {"logistic": "binary"}.get(setting["objective"], setting["objective"]),
        **gbdt_settings.lightgbm(setting),
        **setting.get("lightgbm", {}),
    }
    chosen = setting["categorical"] or "auto"
    data = lgb.Dataset(X, y, weight=weight, params=params, categorical_feature=chosen)
    return lgb.train(params, data, setting["trees"]).predict(held, raw_score=True)


def xgboost(X: Any, y: Any, weight: Any, held: Any, setting: dict[str, Any]) -> Any:
    import xgboost as xgb

    objectives = {
        "logistic": "binary:logistic",
        "l2": "reg:squarederror",
        "poisson": "count:poisson",
    }
    params = {
        "objective": objectives[setting["objective"]],
        **gbdt_settings.xgboost(setting),
    }
    kinds = gbdt_settings.xgboost_kinds(setting, X.shape[1])
    data = xgb.QuantileDMatrix(
        X, y, weight=weight, max_bin=setting["bins"], nthread=setting["threads"], **kinds
    )
    model = xgb.train(params, data, setting["trees"])
    return model.predict(xgb.DMatrix(held, **kinds), output_margin=True)


def main() -> None:
    side, folder, setting = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    run = {"penchant": penchant, "lightgbm": lightgbm, "xgboost": xgboost}[side]
    for seed in setting["seeds"]:
        at = folder / str(seed)
        weight = np.load(at / "weight.npy") if (at / "weight.npy").exists() else None
        X, y, held = (np.load(at / f"{name}.npy") for name in ("X", "y", "held"))
        np.save(at / f"{side}.npy", np.asarray(run(X, y, weight, held, setting)))


if __name__ == "__main__":
    main()
