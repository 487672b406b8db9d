"""Runs one library's models on the benchmark's arrays; executed inside that library's environment.

    python peer_models.py LIBRARY TASK.npz OUT_FOLDER INDEX.json

Every setting of every model is fitted on the validation window first. The setting with the best
NDCG@20 there is fitted again on the whole of training, once for the table with repeats and once for
the one without. Its scores for the test subjects go to OUT_FOLDER, what was chosen to INDEX.json.
The test decides nothing.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import protocol
from judge import judge
from threadpoolctl import threadpool_limits

Scorer = Callable[[protocol.Window, dict[str, Any]], np.ndarray]
SEEN_WEIGHTS = ("binary", "recent60")


def grid(**choices: Any) -> list[dict[str, Any]]:
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


# -- implicit --------------------------------------------------------------------------------------


def implicit_als(window: protocol.Window, setting: dict[str, Any]) -> np.ndarray:
    from implicit.cpu.als import AlternatingLeastSquares

    weights = window.matrix(setting["weights"])
    weights.data = 1 + setting["alpha"] * weights.data
    model = AlternatingLeastSquares(
        factors=setting["factors"],
        regularization=setting["regularization"],
        alpha=1.0,
        iterations=15,
        random_state=0,
        num_threads=2,
    )
    model.fit(weights, show_progress=False)
    return model.user_factors[window.asked] @ model.item_factors.T


def implicit_bpr(window: protocol.Window, setting: dict[str, Any]) -> np.ndarray:
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=setting["factors"],
        learning_rate=setting["learning_rate"],
        regularization=0.01,
        iterations=100,
        random_state=0,
        num_threads=1,
    )
    model.fit(window.matrix("binary"), show_progress=False)
    return model.user_factors[window.asked] @ model.item_factors.T


def implicit_knn(window: protocol.Window, setting: dict[str, Any]) -> np.ndarray:
    from implicit import nearest_neighbours as knn

    kinds = {
        "bm25": lambda k: knn.BM25Recommender(K=k, K1=1.2, B=0.75, num_threads=2),
        "cosine": lambda k: knn.CosineRecommender(K=k, num_threads=2),
        "tfidf": lambda k: knn.TFIDFRecommender(K=k, num_threads=2),
    }
    weights = window.matrix(setting["weights"]).astype(np.float64)
    model = kinds[setting["kind"]](setting["neighbors"])
    model.fit(weights, show_progress=False)
    return np.asarray((weights[window.asked] @ model.similarity).toarray())


def implicit_models() -> Iterator[tuple[str, Scorer, list[dict[str, Any]]]]:
    for weights in SEEN_WEIGHTS:
        name = "ALS" if weights == "binary" else "ALS, recency-weighted"
        yield (
            name,
            implicit_als,
            grid(
                weights=[weights], factors=[64, 128], alpha=[1, 3, 10], regularization=[10, 50, 100]
            ),
        )
    for kind in ("bm25", "cosine", "tfidf"):
        yield (
            f"item-kNN {kind}",
            implicit_knn,
            grid(kind=[kind], weights=["binary"], neighbors=[20, 100, 500]),
        )
    yield (
        "item-kNN bm25, recency-weighted",
        implicit_knn,
        grid(kind=["bm25"], weights=["recent60"], neighbors=[20, 100, 500, 3600]),
    )
    yield "BPR", implicit_bpr, grid(factors=[64], learning_rate=[0.01, 0.05])


# -- irspack ---------------------------------------------------------------------------------------


def irspack_model(window: protocol.Window, setting: dict[str, Any]) -> np.ndarray:
    import irspack

    parameters = {k: v for k, v in setting.items() if k not in ("weights", "model")}
    weights = window.matrix(setting["weights"]).astype(np.float64)
    made = getattr(irspack, setting["model"])(weights, **parameters)
    made.learn()
    return np.asarray(made.get_score(window.asked.astype(np.int64)))


def irspack_models() -> Iterator[tuple[str, Scorer, list[dict[str, Any]]]]:
    yield (
        "iALS",
        irspack_model,
        grid(
            weights=["binary"],
            model=["IALSRecommender"],
            n_components=[64],
            alpha0=[0.05, 0.2],
            reg=[0.003, 0.01, 0.03],
            n_threads=[2],
        ),
    )
    for weights in SEEN_WEIGHTS:
        name = "EASE" if weights == "binary" else "EASE, recency-weighted"
        yield (
            name,
            irspack_model,
            grid(weights=[weights], model=["DenseSLIMRecommender"], reg=[10.0, 50.0, 200.0, 500.0]),
        )
    yield (
        "RP3beta",
        irspack_model,
        grid(
            weights=["binary"],
            model=["RP3betaRecommender"],
            alpha=[1.0],
            beta=[0.3, 0.6],
            top_k=[100, 500],
            n_threads=[2],
        ),
    )


# -- rectools --------------------------------------------------------------------------------------


def rectools_data(window: protocol.Window, weights: str) -> Any:
    import pandas as pd
    from rectools.dataset import Dataset

    matrix = window.matrix(weights).tocoo()
    last = {
        (int(s), int(i)): age
        for s, i, age in zip(window.subject, window.item, window.last, strict=True)
    }
    ages = [last[int(s), int(i)] for s, i in zip(matrix.row, matrix.col, strict=True)]
    frame = pd.DataFrame(
        {
            "user_id": matrix.row,
            "item_id": matrix.col,
            "weight": matrix.data,
            "datetime": pd.Timestamp("2020-01-01") - pd.to_timedelta(ages, unit="D"),
        }
    )
    return Dataset.construct(frame)


def rectools_model(window: protocol.Window, setting: dict[str, Any]) -> np.ndarray:
    """Scores from the lists that the library gives, the whole catalogue long."""
    from datetime import timedelta

    from rectools import models

    kinds = {
        "ease": lambda s: models.EASEModel(regularization=s["regularization"]),
        "svd": lambda s: models.PureSVDModel(factors=s["factors"]),
        "popular": lambda s: models.PopularModel(period=timedelta(days=s["days"])),
    }
    data = rectools_data(window, setting["weights"])
    model = kinds[setting["kind"]](setting)
    model.fit(data)
    lists = model.recommend(
        users=window.asked, dataset=data, k=int(window.num_items), filter_viewed=False
    )
    row = {int(subject): at for at, subject in enumerate(window.asked)}
    scores = np.full((len(window.asked), int(window.num_items)), 0.0)
    floor = float(lists["score"].min()) - 1.0
    scores[:] = floor
    scores[lists["user_id"].map(row).to_numpy(), lists["item_id"].to_numpy()] = lists["score"]
    return scores


def rectools_models() -> Iterator[tuple[str, Scorer, list[dict[str, Any]]]]:
    yield "Popular, 28 days", rectools_model, grid(kind=["popular"], weights=["binary"], days=[28])
    yield (
        "EASE",
        rectools_model,
        grid(kind=["ease"], weights=["binary"], regularization=[200.0, 500.0]),
    )
    yield "PureSVD", rectools_model, grid(kind=["svd"], weights=["binary"], factors=[32, 64])


LIBRARIES = {
    "implicit": implicit_models,
    "irspack": irspack_models,
    "rectools": rectools_models,
}


def choose(scorer: Scorer, settings: list[dict[str, Any]], window: protocol.Window) -> list[dict]:
    """Return the best setting for the table with repeats and the one for the table without."""
    if len(settings) == 1:
        return settings * 2
    seen, truth = window.seen(), window.truth()
    reached = []
    for setting in settings:
        scores = scorer(window, setting)
        reached.append(
            [
                np.nanmean(judge(scores, seen, truth, repeats=r, with_auc=False)["ndcg@20"])
                for r in (True, False)
            ]
        )
    best = np.argmax(np.array(reached), axis=0)
    return [settings[int(best[0])], settings[int(best[1])]]


def main() -> None:
    warnings.filterwarnings("ignore")  # the libraries say how long a conversion took
    library, task, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    valid, test = protocol.load(task, "valid"), protocol.load(task, "test")
    index = []
    with threadpool_limits(2):
        for name, scorer, settings in LIBRARIES[library]():
            started = time.perf_counter()
            chosen = choose(scorer, settings, valid)
            files = []
            for table, setting in zip(("repeats", "new"), chosen, strict=True):
                if table == "new" and setting == chosen[0]:
                    files.append(files[0])
                    continue
                file = out / f"{library}-{len(index)}-{table}.npy"
                np.save(file, scorer(test, setting).astype(np.float32))
                files.append(str(file))
            index.append(
                {
                    "model": name,
                    "library": library,
                    "version": version(library),
                    "settings": dict(zip(("repeats", "new"), chosen, strict=True)),
                    "files": dict(zip(("repeats", "new"), files, strict=True)),
                    "settings_tried": len(settings),
                    "seconds": round(time.perf_counter() - started, 1),
                }
            )
            print(f"  {library} {name}: {index[-1]['seconds']} s", file=sys.stderr, flush=True)
    Path(sys.argv[4]).write_text(json.dumps(index))


if __name__ == "__main__":
    main()
