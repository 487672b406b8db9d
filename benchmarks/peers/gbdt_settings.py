"""One setting of boosted trees in the words of each library, for the sides that train it.

A setting has `trees`, `leaves`, `bins`, `learning_rate`, `l2`, `min_leaf_samples`, `categorical`
and `threads`.
"""

from __future__ import annotations

from typing import Any


def penchant(setting: dict[str, Any]) -> dict[str, Any]:
    """Options of `_core.train_forest`."""
    same = ("trees", "leaves", "learning_rate", "l2", "threads")
    return {name: setting[name] for name in same} | {"min_leaf_rows": setting["min_leaf_samples"]}


def lightgbm(setting: dict[str, Any]) -> dict[str, Any]:
    """Parameters of `lightgbm.train`, but for the objective."""
    return {
        "num_leaves": setting["leaves"],
        "max_bin": setting["bins"],
        "learning_rate": setting["learning_rate"],
        "lambda_l2": setting["l2"],
        "min_data_in_leaf": setting["min_leaf_samples"],
        "num_threads": setting["threads"],
        "verbose": -1,
    }


def xgboost(setting: dict[str, Any]) -> dict[str, Any]:
    """Parameters of `xgboost.train`, but for the objective."""
    return {
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": setting["leaves"],
        "max_depth": 0,
        "max_bin": setting["bins"],
        "eta": setting["learning_rate"],
        "lambda": setting["l2"],
        "nthread": setting["threads"],
    }


def xgboost_kinds(setting: dict[str, Any], features: int) -> dict[str, Any]:
    """What XGBoost's matrices are told of categorical columns."""
    if not setting["categorical"]:
        return {}
    types = ["c" if f in setting["categorical"] else "q" for f in range(features)]
    return {"feature_types": types, "enable_categorical": True}
