"""Trains the small models of this folder with the libraries that wrote the formats.

    python tests/golden/forests/make.py [--only xgboost2] [--output FOLDER]

Needs lightgbm 4, xgboost and catboost; xgboost's file of version 2 comes from an environment with
xgboost 2.1 and `--only xgboost2`. Beside each model lies `<name>.csv`: rows, the library's raw
scores, predictions and SHAP values in the columns x*, raw*, pred*, shap*. See README.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROWS = 48
ROUNDS = 8
FEATURES = 6
CATEGORICAL = 5  # a column of small whole numbers
RNG_SEED = 20


def made_rows(rng: np.random.Generator, rows: int, categories: int = 0) -> np.ndarray:
    """Normal numbers, some zero, some missing; the last column categories where asked for."""
    x = rng.normal(size=(rows, FEATURES)).round(3)
    x[rng.random(x.shape) < 0.1] = 0.0
    x[rng.random(x.shape) < 0.08] = np.nan
    if categories:
        x[:, CATEGORICAL] = rng.integers(0, categories, rows)
    return x


def signal(x: np.ndarray) -> np.ndarray:
    filled = np.nan_to_num(x, nan=0.7)
    cycle = np.where(filled[:, CATEGORICAL] % 3 == 1, 1.0, -0.5)
    return filled[:, 0] + filled[:, 1] * (filled[:, 2] > 0) - 0.5 * filled[:, 3] ** 2 + cycle


def labels(rng: np.random.Generator, x: np.ndarray, kind: str) -> np.ndarray:
    noisy = signal(x) + 0.3 * rng.normal(size=len(x))
    if kind == "binary":
        return (noisy > 0).astype(int)
    if kind == "classes":
        return np.digitize(noisy, [-0.7, 0.7])
    if kind == "counts":
        return rng.poisson(np.exp(np.clip(noisy, -2, 2)))
    if kind == "grades":
        return np.digitize(noisy, [-0.5, 0.5, 1.5])
    return noisy


def asked_rows(
    rng: np.random.Generator, thresholds: dict[int, list[float]], categories: int = 0
) -> np.ndarray:
    """Rows to predict: as trained, all missing, on thresholds and beside them, far out."""
    x = made_rows(rng, ROWS, categories)
    x[0] = np.nan
    x[1] = 0.0
    for row in range(8, ROWS):
        for column in range(FEATURES):
            known = thresholds.get(column)
            if known and rng.random() < 0.6:
                at = known[rng.integers(len(known))]
                step = rng.integers(4)
                x[row, column] = (
                    at if step < 2 else np.nextafter(np.float32(at), np.float32((-1) ** step * 9e9))
                )
    x[2, :5] = [1e30, -1e30, 1e-36, -1e-36, 1e-30]
    x[3, :2] = [np.inf, -np.inf]
    if categories:
        x[1:, CATEGORICAL] = rng.integers(0, categories, ROWS - 1)
        x[4:8, CATEGORICAL] = [categories + 3, 999, -1, np.nan]
    return x


def write(folder: Path, name: str, **parts: np.ndarray) -> None:
    """Write the columns x*, raw*, pred*, shap*."""
    columns = [part.reshape(ROWS, -1) for part in parts.values()]
    names = [
        f"{part}{i}"
        for part, each in zip(parts, columns, strict=True)
        for i in range(each.shape[1])
    ]
    lines = [",".join(repr(float(v)) for v in row) for row in np.hstack(columns)]
    (folder / f"{name}.csv").write_text("\n".join([",".join(names), *lines]) + "\n")


def lightgbm_models(folder: Path) -> None:
    import lightgbm

    base = {"num_leaves": 8, "min_data_in_leaf": 8, "verbose": -1, "num_threads": 1, "seed": 3}
    categorical = {"min_data_per_group": 5, "cat_smooth": 1.0, "max_cat_to_onehot": 3}
    bagged = {"bagging_freq": 1, "bagging_fraction": 0.7, "boosting": "rf"}
    settings = {
        "binary": ("binary", {"objective": "binary", "sigmoid": 1.5}, 0),
        "zero_missing": ("real", {"objective": "regression", "zero_as_missing": True}, 0),
        "no_missing": ("real", {"objective": "regression_l1", "use_missing": False}, 0),
        "categorical": ("binary", {"objective": "binary", **categorical}, 40),
        "multiclass": ("classes", {"objective": "multiclass", "num_class": 3}, 0),
        "one_vs_all": ("classes", {"objective": "multiclassova", "num_class": 3}, 0),
        "rank": ("grades", {"objective": "lambdarank"}, 0),
        "random_forest": ("binary", {"objective": "binary", **bagged}, 0),
        "dart": ("real", {"objective": "regression", "boosting": "dart", "drop_rate": 0.5}, 0),
        "poisson": ("counts", {"objective": "poisson"}, 0),
    }
    for name, (kind, changes, categories) in settings.items():
        rng = np.random.default_rng(RNG_SEED)
        x = made_rows(rng, 600, categories)
        data = lightgbm.Dataset(
            x,
            labels(rng, x, kind),
            group=[20] * 30 if kind == "grades" else None,
            feature_name=[f"feature_{i}" for i in range(FEATURES)],
            categorical_feature=[CATEGORICAL] if categories else [],
        )
        booster = lightgbm.train({**base, **changes}, data, num_boost_round=ROUNDS)
        trees = booster.trees_to_dataframe()
        thresholds: dict[int, list[float]] = {}
        for feature, at, decision in zip(
            trees.split_feature, trees.threshold, trees.decision_type, strict=True
        ):
            if decision == "<=":
                thresholds.setdefault(int(feature.split("_")[1]), []).append(float(at))
        asked = asked_rows(rng, thresholds, categories)
        # A random forest's prediction is the mean of its trees, its raw score the sum.
        share = 1 / ROUNDS if name == "random_forest" else 1
        write(
            folder,
            f"lightgbm_{name}",
            x=asked,
            raw=booster.predict(asked, raw_score=True) * share,
            pred=booster.predict(asked),
            shap=booster.predict(asked, pred_contrib=True) * share,
        )
        (folder / f"lightgbm_{name}.txt").write_text(booster.model_to_string())


def xgboost_thresholds(booster: object) -> dict[int, list[float]]:
    trees = booster.trees_to_dataframe()  # type: ignore[attr-defined]
    found: dict[int, list[float]] = {}
    for feature, at in zip(trees.Feature, trees.Split, strict=True):
        if feature != "Leaf" and np.isfinite(at):
            found.setdefault(int(feature.split("_")[1]), []).append(float(np.float32(at)))
    return found


def xgboost_models(folder: Path, version: str = "") -> None:
    import xgboost

    base = {"max_depth": 3, "nthread": 1, "seed": 3, "eta": 0.4}
    settings = {
        "binary": ("binary", {"objective": "binary:logistic"}, 0, ("json", "ubj")),
        "categorical": ("binary", {"objective": "binary:logistic"}, 12, ("json", "ubj")),
        "one_hot": (
            "real",
            {"objective": "reg:squarederror", "max_cat_to_onehot": 99},
            7,
            ("ubj",),
        ),
        "multiclass": (
            "classes",
            {
                "objective": "multi:softprob",
                "num_class": 3,
                "num_parallel_tree": 2,
                "subsample": 0.8,
            },
            0,
            ("json",),
        ),
        "rank": ("grades", {"objective": "rank:ndcg"}, 0, ("ubj",)),
        "dart": (
            "real",
            {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.5},
            0,
            ("json",),
        ),
        "poisson": ("counts", {"objective": "count:poisson"}, 0, ("json",)),
        "lossguide": (
            "real",
            {"grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0, "gamma": 3},
            0,
            ("ubj",),
        ),
    }
    if version:
        settings = {name: settings[name] for name in ("binary", "categorical", "multiclass")}
    for name, (kind, changes, categories, formats) in settings.items():
        rng = np.random.default_rng(RNG_SEED)
        x = made_rows(rng, 600, categories)
        types = ["q"] * FEATURES
        if categories:
            types[CATEGORICAL] = "c"
        names = [f"feature_{i}" for i in range(FEATURES)]
        describe = {"feature_names": names, "feature_types": types, "enable_categorical": True}
        data = xgboost.DMatrix(x, labels(rng, x, kind), **describe)
        if kind == "grades":
            data.set_group([20] * 30)
        booster = xgboost.train({**base, **changes}, data, num_boost_round=ROUNDS)
        asked = asked_rows(rng, xgboost_thresholds(booster), categories)
        asked[~np.isfinite(asked)] = np.nan  # xgboost refuses infinity
        matrix = xgboost.DMatrix(asked, **describe)
        write(
            folder,
            f"xgboost{version}_{name}",
            x=asked,
            raw=booster.predict(matrix, output_margin=True),
            pred=booster.predict(matrix),
            shap=booster.predict(matrix, pred_contribs=True),
        )
        for format_name in formats:
            path = folder / f"xgboost{version}_{name}.{format_name}"
            path.write_bytes(bytes(booster.save_raw(format_name)))


def catboost_models(folder: Path) -> None:
    import catboost

    settings = {
        "binary": ("binary", {"loss_function": "Logloss"}, 0),
        "nan_max": ("real", {"loss_function": "RMSE", "nan_mode": "Max"}, 0),
        "multiclass": ("classes", {"loss_function": "MultiClass"}, 0),
        "one_hot": ("real", {"loss_function": "RMSE", "one_hot_max_size": 20}, 12),
        "lossguide": (
            "real",
            {"loss_function": "RMSE", "grow_policy": "Lossguide", "max_leaves": 9},
            0,
        ),
        "rank": ("grades", {"loss_function": "YetiRank"}, 0),
        "ctr": ("binary", {"loss_function": "Logloss"}, 12),
    }
    for name, (kind, changes, categories) in settings.items():
        rng = np.random.default_rng(RNG_SEED)
        x = made_rows(rng, 600, categories)

        def pool(
            rows: np.ndarray, y: object = None, group: object = None, categories: int = categories
        ) -> object:
            columns: list[list[object]] = [list(row) for row in rows]
            if categories:
                for row in columns:
                    row[CATEGORICAL] = (
                        "nan" if np.isnan(row[CATEGORICAL]) else str(int(row[CATEGORICAL]))
                    )
            return catboost.Pool(
                columns, y, group_id=group, cat_features=[CATEGORICAL] if categories else []
            )

        group = np.repeat(np.arange(30), 20) if kind == "grades" else None
        model = catboost.CatBoost(
            {
                "iterations": ROUNDS,
                "depth": 3,
                "verbose": 0,
                "allow_writing_files": False,
                "thread_count": 1,
                "random_seed": 3,
                **changes,
            }
        ).fit(pool(x, labels(rng, x, kind), group))
        borders = model.get_borders()
        asked = asked_rows(
            rng, {i: list(map(float, each)) for i, each in borders.items()}, categories
        )
        raw = model.predict(pool(asked), prediction_type="RawFormulaVal")
        pred = raw
        if kind in ("binary", "classes"):
            pred = model.predict(pool(asked), prediction_type="Probability")
            pred = pred[:, 1] if kind == "binary" else pred
        write(folder, f"catboost_{name}", x=asked, raw=raw, pred=pred)
        model.save_model(str(folder / f"catboost_{name}.json"), format="json")


WRITERS: dict[str, Callable[[Path], None]] = {
    "lightgbm": lightgbm_models,
    "xgboost": xgboost_models,
    "xgboost2": lambda folder: xgboost_models(folder, "2"),
    "catboost": catboost_models,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", choices=WRITERS, action="append")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    for writer in options.only or ["lightgbm", "xgboost", "catboost"]:
        WRITERS[writer](options.output)
