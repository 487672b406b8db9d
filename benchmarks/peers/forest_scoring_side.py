"""What `forest_scoring.py` measures: every library in this one process, in turns.

python forest_scoring_side.py SETTING_JSON ANSWER.json
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import lightgbm
import numpy as np

FEATURES = 64
Score = Callable[[np.ndarray], Any]


def made_task(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose label leans on all features, with steps and products for trees to find."""
    random = np.random.default_rng(7)
    x = random.standard_normal((rows, FEATURES)).astype(np.float32)
    weight = random.standard_normal(FEATURES)
    logit = x @ weight * 0.15 + np.sin(2 * x[:, :16]).sum(axis=1) * 0.4
    logit += (x[:, 16:32] * x[:, 32:48] > 0.3).sum(axis=1) * 0.3 - 1.5
    return x, (logit + random.logistic(size=rows) > 0).astype(np.float32)


# -- the sides: a model's file -> a function of rows -----------------------------------------------


def train_lightgbm(x: np.ndarray, y: np.ndarray, trees: int, leaves: int) -> lightgbm.Booster:
    settings = {"objective": "binary", "num_leaves": leaves, "learning_rate": 0.05,
                "num_threads": 1, "verbose": -1, "seed": 1}  # fmt: skip
    return lightgbm.train(settings, lightgbm.Dataset(x, y), num_boost_round=trees)


class LightGbmCalls:
    """LightGBM's C interface, with everything that can be made ready beforehand made ready."""

    FLOAT32, RAW_SCORE = 0, 1

    def __init__(self, booster: lightgbm.Booster) -> None:
        self.library = lightgbm.basic._LIB
        self.booster = booster
        self.handle = booster._handle
        self.parameters = b"num_threads=1"
        self.written = ctypes.c_int64()
        self.fast = ctypes.c_void_p()
        self._check(
            self.library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self.handle, self.RAW_SCORE, 0, -1, self.FLOAT32, FEATURES, self.parameters,
                ctypes.byref(self.fast),
            )
        )  # fmt: skip

    def _check(self, code: int) -> None:
        if code != 0:
            raise SystemExit(self.library.LGBM_GetLastError())

    def matrix(self, x: np.ndarray) -> np.ndarray:
        out = np.empty(len(x))
        self._check(
            self.library.LGBM_BoosterPredictForMat(
                self.handle, ctypes.c_void_p(x.ctypes.data), self.FLOAT32, ctypes.c_int32(len(x)),
                ctypes.c_int32(FEATURES), 1, self.RAW_SCORE, 0, -1, self.parameters,
                ctypes.byref(self.written), ctypes.c_void_p(out.ctypes.data),
            )
        )  # fmt: skip
        return out

    def single_row(self, x: np.ndarray) -> np.ndarray:
        out = np.empty(1)
        self._check(
            self.library.LGBM_BoosterPredictForMatSingleRowFast(
                self.fast, ctypes.c_void_p(x.ctypes.data), ctypes.byref(self.written),
                ctypes.c_void_p(out.ctypes.data),
            )
        )  # fmt: skip
        return out


def xgboost_side(x: np.ndarray, y: np.ndarray, trees: int, kept: Path) -> Score:
    import xgboost

    settings = {"objective": "binary:logistic", "tree_method": "hist", "grow_policy": "lossguide",
                "max_leaves": 64, "max_depth": 0, "eta": 0.05, "nthread": 2}  # fmt: skip
    if not kept.exists():
        xgboost.train(settings, xgboost.DMatrix(x, y), num_boost_round=trees).save_model(kept)
    booster = xgboost.Booster(model_file=kept)
    booster.set_param({"nthread": 1})
    return lambda rows: booster.inplace_predict(rows, predict_type="margin")


def catboost_side(x: np.ndarray, y: np.ndarray, trees: int, kept: Path) -> Score:
    import catboost

    model = catboost.CatBoostClassifier(
        iterations=trees, depth=6, learning_rate=0.05, thread_count=2, verbose=False,
        allow_writing_files=False,
    )  # fmt: skip
    if not kept.exists():
        model.fit(x, y).save_model(str(kept))
    model.load_model(str(kept))
    return lambda rows: model.predict(rows, prediction_type="RawFormulaVal", thread_count=1)


def ydf_model(x: np.ndarray, y: np.ndarray, trees: int, kept: Path) -> Any:
    import ydf

    if not kept.exists():
        columns = {f"f{i}": x[:, i] for i in range(FEATURES)}
        learner = ydf.GradientBoostedTreesLearner(
            label="y", num_trees=trees, growing_strategy="BEST_FIRST_GLOBAL", max_num_nodes=64,
            max_depth=-1, shrinkage=0.05, early_stopping="NONE", validation_ratio=0.0,
            num_threads=2, discretize_numerical_columns=True,
        )  # fmt: skip
        learner.train({**columns, "y": y.astype(int)}, verbose=0).save(str(kept))
    return ydf.load_model(str(kept))


def ydf_seconds(model: Any, x: np.ndarray, rows: int, seconds: float) -> float:
    """Its engine alone, by its own benchmark: a call from Python takes longer than the trees."""
    columns = {f"f{i}": np.ascontiguousarray(x[:, i]) for i in range(FEATURES)}
    found = model.benchmark(
        columns, benchmark_duration=max(seconds, 0.2), warmup_duration=0.1, batch_size=rows,
        num_threads=1,
    )  # fmt: skip
    each = found.duration_per_example
    return rows * (each.total_seconds() if hasattr(each, "total_seconds") else float(each))


# -- measuring -------------------------------------------------------------------------------------


def in_turns(
    sides: dict[str, Score], x: np.ndarray, sizes: list[int], seconds: float
) -> dict[str, dict[str, float]]:
    """Median seconds of a request, by its rows and by side; all sides take turns."""
    table: dict[str, dict[str, float]] = {}
    for size in sizes:
        taken: dict[str, list[float]] = {
            side: [] for side in sides if side != "lightgbm_row" or size == 1
        }
        requests = [
            np.ascontiguousarray(x[at : at + size])
            for at in range(0, min(len(x), 64 * size) - size + 1, size)
        ]
        for side in taken:
            sides[side](requests[0])
        until = time.perf_counter() + seconds * len(taken)
        turn = 0
        while time.perf_counter() < until or turn < 3:
            for side, times in taken.items():
                score, request = sides[side], requests[turn % len(requests)]
                # What a side left in the caches must not slow the next: the best of three calls.
                best = float("inf")
                for _ in range(3 if size <= 1000 else 1):
                    start = time.perf_counter()
                    score(request)
                    best = min(best, time.perf_counter() - start)
                times.append(best)
            turn += 1
        table[str(size)] = {side: median(times) for side, times in taken.items()}
    return table


def main() -> None:
    setting, answer = json.loads(sys.argv[1]), Path(sys.argv[2])
    sys.path.insert(0, setting["package"])
    import penchant as pn

    quick, seconds = setting["quick"], setting["seconds"]
    trees = 100 if quick else 500
    kept = Path(setting["kept"])
    rows = 30_000
    x, y = made_task(100_000)
    train, label = x[:rows], y[:rows]

    def lightgbm_model(trees: int, leaves: int) -> lightgbm.Booster:
        file = kept / f"lightgbm_{trees}_{leaves}.txt"
        if not file.exists():
            train_lightgbm(train, label, trees, leaves).save_model(file)
        return lightgbm.Booster(model_file=file)

    def ours_and_lightgbm(booster: lightgbm.Booster) -> dict[str, Score]:
        calls = LightGbmCalls(booster)
        forest = pn.ranking.import_lightgbm(booster)
        return {"penchant": forest.predict_raw, "lightgbm": calls.matrix,
                "lightgbm_row": calls.single_row}  # fmt: skip

    def keep(tables: dict[str, Any], difference: float | None) -> None:
        answer.write_text(json.dumps({"tables": tables, "difference": difference}))

    tables, difference = {}, 0.0
    booster = lightgbm_model(trees, 64)
    sides = ours_and_lightgbm(booster)
    sides["xgboost"] = xgboost_side(train, label, trees, kept / f"xgboost_{trees}.ubj")
    sides["catboost"] = catboost_side(train, label, trees, kept / f"catboost_{trees}.cbm")
    sizes = [1, 10, 200, 1000] if quick else [1, 2, 4, 10, 50, 100, 200, 1000, 100_000]
    table = in_turns(sides, x, sizes, seconds)
    model = ydf_model(train, label, trees, kept / f"ydf_{trees}")
    for size in sizes:
        table[str(size)]["ydf"] = ydf_seconds(model, x[: max(size, 5000)], size, seconds)
    tables[f"{trees} trees x 64 leaves x {FEATURES} features"] = table
    keep(tables, difference=None)
    compared = [booster]
    for count, leaves in ((trees, 8), (trees // 5, 255), (trees // 5, 1000)):
        booster = lightgbm_model(count, leaves)
        compared.append(booster)
        tables[f"{count} trees x {leaves} leaves"] = in_turns(
            ours_and_lightgbm(booster), x, [1, 10, 200], seconds
        )
        keep(tables, difference=None)
    for booster in compared:
        two = ours_and_lightgbm(booster)
        some = x[:20_000]
        difference = max(difference, abs(two["penchant"](some) - two["lightgbm"](some)).max())
    keep(tables, difference)


if __name__ == "__main__":
    main()
