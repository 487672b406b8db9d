"""One side of `recommend_all.py`, in a process of its own.

python recommend_all_side.py penchant|implicit FOLDER LISTS.npy SETTING_JSON
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import factor_task
import numpy as np

TOP = 20
ONES = 200  # people asked for one by one


def clock(work: Any, repeats: int) -> list[float]:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def penchant(folder: Path, setting: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    """External ids and a frame included, as the method answers."""
    import pickle

    from penchant import _core

    model = pickle.loads((folder / "model.pickle").read_bytes())
    everyone = model.subject_ids_
    threads = setting["threads"]
    first = clock(lambda: model.recommend(everyone[:1], k=TOP), 1)  # makes the scan, once a model
    everything = clock(
        lambda: model.recommend(everyone, k=TOP, exclude_seen=True, threads=threads),
        setting["repeats"],
    )
    one = [clock(lambda s=s: model.recommend(s, k=TOP, threads=1), 1)[0] for s in everyone[:ONES]]
    state = model._state()
    core = [
        clock(
            lambda r=r: _core.recommend_batch(
                state.model, state.pairs, state.context, np.array([r], np.int32),
                np.array([r], np.int32), TOP, True, None, 1, False,
            ),
            1,
        )[0]
        for r in range(ONES)
    ]  # fmt: skip
    frame = model.recommend(everyone, k=TOP, threads=threads)
    index = np.searchsorted(model.item_ids_, frame["item"].to_numpy())
    lists = np.full((len(everyone), TOP), -1, dtype=np.int64)
    lists[np.searchsorted(everyone, frame["subject"].to_numpy()), frame["rank"] - 1] = index
    return {"all": everything, "one": one, "one_core": core, "first": first}, lists


def implicit(folder: Path, setting: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    from implicit.cpu.als import AlternatingLeastSquares

    task = factor_task.load(folder)
    seen, _ = factor_task.matrices(task)
    model = AlternatingLeastSquares(factors=task["items"].shape[1], num_threads=setting["threads"])
    model.user_factors, model.item_factors = task["users"], task["items"]
    everyone = np.arange(len(task["users"]))
    lists = np.zeros((len(everyone), TOP), dtype=np.int64)

    def run() -> None:
        for start in range(0, len(everyone), 1000):  # its own advice: batches
            part = everyone[start : start + 1000]
            lists[start : start + 1000], _ = model.recommend(part, seen[part], N=TOP)

    everything = clock(run, setting["repeats"])
    one = [clock(lambda u=u: model.recommend(u, seen[u], N=TOP), 1)[0] for u in range(ONES)]
    return {"all": everything, "one": one}, lists


def main() -> None:
    side, folder, out, setting = (
        sys.argv[1],
        Path(sys.argv[2]),
        sys.argv[3],
        json.loads(sys.argv[4]),
    )
    answer, lists = {"penchant": penchant, "implicit": implicit}[side](folder, setting)
    np.save(out, lists)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
