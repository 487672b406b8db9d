"""One side of `evaluation.py`, in a process of its own: evaluates the task, prints what it took.

python evaluation_side.py penchant|plain|implicit|irspack FOLDER SETTING_JSON
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import factor_task
import numpy as np

Answer = dict[str, Any]


def timed(work: Any, repeats: int) -> tuple[list[float], Any]:
    seconds, result = [], None
    for _ in range(repeats):
        began = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - began)
    return seconds, result


def penchant(folder: Path, setting: dict[str, Any]) -> Answer:
    """Time the values as the others compute them, and the whole of `pn.evaluate` beside."""
    import pickle

    import penchant as pn
    from penchant import _core

    model, test = (
        pickle.loads((folder / f"{name}.pickle").read_bytes()) for name in ("model", "test")
    )
    metrics = ["recall@20", "ndcg@20", *(["auc"] if setting["auc"] else [])]
    inside: list[float] = []
    counted = _core.evaluate

    def watched(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        out = counted(*arguments, **options)
        inside.append(time.perf_counter() - began)
        return out

    _core.evaluate = watched
    whole, report = timed(
        lambda: pn.evaluate(model, test, metrics, threads=setting["threads"], progress=False),
        setting["repeats"],
    )
    return {
        "seconds": inside,
        "whole": whole,
        "values": {metric: report[metric].value for metric in metrics},
    }


def plain(folder: Path, setting: dict[str, Any]) -> Answer:
    source = Path(__file__).with_name("plain_evaluation.cc")
    library = folder / "plain_evaluation.so"
    if not library.exists():
        flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
        subprocess.run(["c++", "-std=c++20", *flags, source, "-o", library], check=True)
    loop = ctypes.CDLL(str(library)).plain_evaluate
    task = factor_task.load(folder)
    people = np.flatnonzero(np.diff(task["truth_at"]) > 0)
    users = np.ascontiguousarray(task["users"][people])

    def rows(name: str) -> tuple[np.ndarray, np.ndarray]:
        at, items = task[f"{name}_at"], task[name]
        parts = [items[at[p] : at[p + 1]] for p in people]
        bounds = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        return bounds, np.concatenate(parts).astype(np.int32)

    (truth_at, truth), (seen_at, seen) = rows("truth"), rows("seen")
    items = np.ascontiguousarray(task["items"])
    values = np.zeros((len(people), 3))

    def pointer(array: np.ndarray) -> ctypes.c_void_p:
        return array.ctypes.data_as(ctypes.c_void_p)

    def run() -> None:
        loop(
            pointer(users), pointer(items), ctypes.c_int64(len(people)),
            ctypes.c_int64(len(items)), ctypes.c_int(items.shape[1]), pointer(truth_at),
            pointer(truth), pointer(seen_at), pointer(seen), ctypes.c_int(setting["auc"]),
            ctypes.c_int(setting["threads"]), pointer(values),
        )  # fmt: skip

    seconds, _ = timed(run, setting["repeats"])
    named = dict(zip(("recall@20", "ndcg@20", "auc"), values.mean(axis=0).tolist(), strict=True))
    if not setting["auc"]:
        del named["auc"]
    return {"seconds": seconds, "values": named}


def implicit(folder: Path, setting: dict[str, Any]) -> Answer:
    """`ranking_metrics_at_k`; it has no AUC over the catalogue (its own is over the list)."""
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.evaluation import ranking_metrics_at_k

    task = factor_task.load(folder)
    seen, truth = factor_task.matrices(task)
    model = AlternatingLeastSquares(factors=task["items"].shape[1], num_threads=setting["threads"])
    model.user_factors, model.item_factors = task["users"], task["items"]
    seconds, found = timed(
        lambda: ranking_metrics_at_k(
            model, seen, truth, K=20, show_progress=False, num_threads=setting["threads"]
        ),
        setting["repeats"],
    )
    return {"seconds": seconds, "values": {"ndcg@20": float(found["ndcg"])}}


class Factors:
    """What irspack's evaluator asks of a recommender; one matrix product a block."""

    def __init__(self, task: dict[str, np.ndarray]) -> None:
        self.users, self.items = task["users"], task["items"]
        self.n_users, self.n_items = len(self.users), len(self.items)

    def get_score_block(self, begin: int, end: int) -> np.ndarray:
        return self.users[begin:end] @ self.items.T


def irspack(folder: Path, setting: dict[str, Any]) -> Answer:
    """Its Evaluator; no AUC. Its products may use all threads, between its counting."""
    from irspack.evaluation import Evaluator
    from threadpoolctl import threadpool_limits

    task = factor_task.load(folder)
    seen, truth = factor_task.matrices(task)
    model = Factors(task)
    evaluator = Evaluator(truth, cutoff=20, n_threads=setting["threads"], masked_interactions=seen)
    with threadpool_limits(setting["threads"]):
        seconds, found = timed(lambda: evaluator.get_scores(model, [20]), setting["repeats"])
    return {
        "seconds": seconds,
        "values": {"recall@20": found["recall@20"], "ndcg@20": found["ndcg@20"]},
    }


SIDES = {"penchant": penchant, "plain": plain, "implicit": implicit, "irspack": irspack}


def main() -> None:
    side, folder, setting = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    print(json.dumps(SIDES[side](folder, setting)))


if __name__ == "__main__":
    main()
