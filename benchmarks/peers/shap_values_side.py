"""What `shap_values.py` measures: each library and Penchant on the same trees, in turns.

python shap_values_side.py SETTING_JSON ANSWER.json
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import lightgbm
import numpy as np
import xgboost
from forest_scoring_side import made_task, train_lightgbm

Explain = Callable[[np.ndarray], Any]


def in_turns(sides: dict[str, Explain], x: np.ndarray, rounds: int) -> dict[str, float]:
    """Median seconds of each side."""
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(rounds):
        for side in list(sides) if turn % 2 == 0 else list(sides)[::-1]:
            start = time.perf_counter()
            sides[side](x)
            taken[side].append(time.perf_counter() - start)
    return {side: median(times) for side, times in taken.items()}


def compare(
    name: str, theirs: Explain, raw: Explain, source: Any, x: np.ndarray, setting: dict[str, Any]
) -> dict[str, Any]:
    import penchant as pn

    threads = setting["threads"]
    forest = getattr(pn.ranking, f"import_{name}")(source)
    forest.shap_values(x[:1], threads=threads)  # the leaves' paths are laid out at the first call
    sides: dict[str, Explain] = {
        "penchant": lambda rows: forest.shap_values(rows, threads=threads),
        f"{name} pred_contribs": theirs,
        "penchant, one row": lambda rows: forest.shap_values(rows[:1], threads=threads),
        "penchant, 100 background": lambda rows: forest.shap_values(
            rows, background=x[:100], threads=threads
        ),
    }
    ours, known = sides["penchant"](x), theirs(x)
    scores = raw(x)
    return {
        "seconds": in_turns(sides, x, setting["rounds"]),
        "difference": float(np.abs(ours - known).max()),
        "sum_ours": float(np.abs(ours.sum(axis=1) - scores).max()),
        "sum_theirs": float(np.abs(known.sum(axis=1) - scores).max()),
    }


def main() -> None:
    setting, answer = json.loads(sys.argv[1]), Path(sys.argv[2])
    sys.path.insert(0, setting["package"])
    kept, trees, threads = Path(setting["kept"]), setting["trees"], setting["threads"]
    rows = 30_000  # as in forest_scoring.py, whose models these are
    x, y = made_task(100_000)
    asked = np.ascontiguousarray(x[-setting["rows"] :])

    file = kept / f"lightgbm_{trees}_64.txt"
    if not file.exists():
        train_lightgbm(x[:rows], y[:rows], trees, 64).save_model(file)
    light = lightgbm.Booster(model_file=file)
    how = {"num_threads": threads}

    file = kept / f"xgboost_{trees}.ubj"
    if not file.exists():
        settings = {
            "objective": "binary:logistic", "tree_method": "hist", "eta": 0.05, "nthread": 2,
            "grow_policy": "lossguide", "max_leaves": 64, "max_depth": 0,
        }  # fmt: skip
        xgboost.train(settings, xgboost.DMatrix(x[:rows], y[:rows]), trees).save_model(file)
    extreme = xgboost.Booster(model_file=file)
    extreme.set_param({"nthread": threads})

    found = {
        "lightgbm": compare(
            "lightgbm",
            lambda rows: light.predict(rows, pred_contrib=True, **how),
            lambda rows: light.predict(rows, raw_score=True, **how),
            light, asked, setting,
        ),
        "xgboost": compare(
            "xgboost",
            lambda rows: extreme.predict(xgboost.DMatrix(rows), pred_contribs=True),
            lambda rows: extreme.predict(xgboost.DMatrix(rows), output_margin=True),
            extreme, asked, setting,
        ),
    }  # fmt: skip
    answer.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
