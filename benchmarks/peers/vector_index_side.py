"""One side of `vector_index.py`, in a process of its own: builds and keeps an index, or searches.

python vector_index_side.py penchant|faiss build|search TASK.npz ANSWER.npz EFFORTS_JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TOP = 10
M = 32
EF_CONSTRUCTION = 200


def penchant_build(base: np.ndarray, kept: Path) -> None:
    import penchant as pn

    index = pn.VectorIndex("hnsw", "l2", m=M, ef_construction=EF_CONSTRUCTION, threads=1)
    index.fit(base, progress=False).save(kept)


def penchant_search(kept: Path) -> Callable[[np.ndarray, int], Any]:
    import penchant as pn

    index = pn.VectorIndex.load(kept)
    return lambda query, ef: index.search(query, TOP, ef=ef)[0]


def faiss_build(base: np.ndarray, kept: Path) -> None:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexHNSWFlat(base.shape[1], M)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.add(base)
    faiss.write_index(index, str(kept))


def faiss_search(kept: Path) -> Callable[[np.ndarray, int], Any]:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.read_index(str(kept))

    def search(query: np.ndarray, ef: int) -> Any:
        index.hnsw.efSearch = ef
        return index.search(query, TOP)[1]

    return search


BUILD = {"penchant": penchant_build, "faiss": faiss_build}
SEARCH = {"penchant": penchant_search, "faiss": faiss_search}


def main() -> None:
    side, what, task, answer, efforts = sys.argv[1:]
    kept = Path(answer).with_suffix(".index")
    given = np.load(task)
    if what == "build":
        began = time.perf_counter()
        BUILD[side](given["base"], kept)
        np.savez(answer, seconds=time.perf_counter() - began)
        return
    search = SEARCH[side](kept)
    queries = given["queries"]
    for q in range(200):  # caches and lazy set-up
        search(queries[q : q + 1], 64)
    found, rates = [], []
    for ef in json.loads(efforts):
        began = time.perf_counter()
        found.append(np.vstack([search(queries[q : q + 1], ef) for q in range(len(queries))]))
        rates.append(len(queries) / (time.perf_counter() - began))
    np.savez(answer, found=np.stack(found), rates=np.array(rates))


if __name__ == "__main__":
    main()
