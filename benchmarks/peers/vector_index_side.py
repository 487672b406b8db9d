"""One side of `vector_index.py`, in a process of its own: builds and keeps an index, or searches.

python vector_index_side.py SIDE build|search|batch TASK.npz ANSWER.npz EFFORTS_JSON

A side is two functions: build(task, kept) and search(task, kept) -> a function of (query [1, d],
effort) that returns ids [1, k]. For `batch` it is one, batch(task, threads) -> a function of
(queries) that returns ids, and efforts are numbers of threads.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

M = 32  # links a row, 64 on the ground
EF_CONSTRUCTION = 200
Search = Callable[[np.ndarray, int], Any]
Task = Any


class Penchant:
    def __init__(self, kind: str = "hnsw", storage: str = "int8", make_ready: bool = False) -> None:
        self.kind, self.storage, self.make_ready = kind, storage, make_ready

    def build(self, task: Task, kept: Path) -> None:
        import penchant as pn

        metric = str(task["metric"])
        index = pn.VectorIndex(
            self.kind,
            metric,
            m=M,
            ef_construction=EF_CONSTRUCTION,
            storage=self.storage,
            threads=1,
        )
        # People's vectors to measure on, others than those asked for afterwards.
        asked = None
        if metric == "ip":
            asked = task["queries"][::2]
        index.fit(task["base"], queries=asked, progress=False).save(kept)
        print(index.report_, file=sys.stderr)

    def search(self, task: Task, kept: Path) -> Search:
        import penchant as pn

        index = pn.VectorIndex.load(kept)
        k, allow = int(task["k"]), task.get("mask")
        if allow is not None and self.make_ready:
            allow = index.filter(allow)
        return lambda query, ef: index.search(query, k, ef=ef or None, allow=allow)[0]


class PenchantFlat:
    def batch(self, task: Task, threads: int) -> Callable[[np.ndarray], Any]:
        import penchant as pn

        index = pn.VectorIndex("flat", str(task["metric"])).fit(task["base"], progress=False)
        k = int(task["k"])
        return lambda queries: index.search(queries, k, threads=threads)[0]


class FaissFlat:
    def batch(self, task: Task, threads: int) -> Callable[[np.ndarray], Any]:
        import faiss

        faiss.omp_set_num_threads(threads)
        metric = faiss.METRIC_L2 if task["metric"] == "l2" else faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexFlat(task["base"].shape[1], metric)
        index.add(task["base"])
        k = int(task["k"])
        return lambda queries: index.search(queries, k)[1]


class FaissHnsw:
    def build(self, task: Task, kept: Path) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        metric = faiss.METRIC_L2 if task["metric"] == "l2" else faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexHNSWFlat(task["base"].shape[1], M, metric)
        index.hnsw.efConstruction = EF_CONSTRUCTION
        index.add(task["base"])
        faiss.write_index(index, str(kept))

    def search(self, task: Task, kept: Path) -> Search:
        import faiss

        faiss.omp_set_num_threads(1)
        index = faiss.read_index(str(kept))
        k, mask = int(task["k"]), task.get("mask")
        params = faiss.SearchParametersHNSW()
        if mask is not None:
            bits = np.packbits(mask, bitorder="little")
            params.sel = faiss.IDSelectorBitmap(bits)

        def search(query: np.ndarray, ef: int) -> Any:
            params.efSearch = ef
            return index.search(query, k, params=params)[1]

        return search


class FaissRefine:
    """A compressed scan, then the head from the floats; the effort is how much longer it is."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def build(self, task: Task, kept: Path) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        base = task["base"]
        columns = base.shape[1]
        kind = f"PQ{columns // 2}x4fs" if self.kind == "pq4" else "SQ8"
        index = faiss.IndexRefineFlat(
            faiss.index_factory(columns, kind, faiss.METRIC_INNER_PRODUCT)
        )
        index.train(base)
        index.add(base)
        faiss.write_index(index, str(kept))

    def search(self, task: Task, kept: Path) -> Search:
        import faiss

        faiss.omp_set_num_threads(1)
        index, k = faiss.read_index(str(kept)), int(task["k"])

        def search(query: np.ndarray, factor: int) -> Any:
            index.k_factor = factor
            return index.search(query, k)[1]

        return search


class Hnswlib:
    def build(self, task: Task, kept: Path) -> None:
        import hnswlib

        base = task["base"]
        index = hnswlib.Index(space="l2", dim=base.shape[1])
        index.init_index(max_elements=len(base), ef_construction=EF_CONSTRUCTION, M=M)
        index.set_num_threads(1)
        index.add_items(base)
        index.save_index(str(kept))

    def search(self, task: Task, kept: Path) -> Search:
        import hnswlib

        index = hnswlib.Index(space="l2", dim=task["base"].shape[1])
        index.load_index(str(kept))
        index.set_num_threads(1)
        k = int(task["k"])

        def search(query: np.ndarray, ef: int) -> Any:
            index.set_ef(ef)
            return index.knn_query(query, k=k)[0]

        return search


class Usearch:
    def build(self, task: Task, kept: Path) -> None:
        from usearch.index import Index

        base = task["base"]
        index = Index(
            ndim=base.shape[1],
            metric="l2sq",
            dtype="f32",
            connectivity=M,
            expansion_add=EF_CONSTRUCTION,
        )
        index.add(np.arange(len(base)), base, threads=1)
        index.save(str(kept))

    def search(self, task: Task, kept: Path) -> Search:
        from usearch.index import Index

        index, k = Index.restore(str(kept)), int(task["k"])

        def search(query: np.ndarray, ef: int) -> Any:
            index.expansion_search = ef
            found = index.search(query[0], k, threads=1).keys.astype(np.int64)
            return found.reshape(1, -1)

        return search


class Svs:
    """Vamana, of degree 64 too."""

    def build(self, task: Task, kept: Path) -> None:
        import svs

        params = svs.VamanaBuildParameters(
            graph_max_degree=2 * M, window_size=EF_CONSTRUCTION, alpha=1.2
        )
        index = svs.Vamana.build(params, task["base"], svs.DistanceType.L2, num_threads=1)
        for part in ("config", "graph", "data"):
            (kept.parent / f"{kept.name}.{part}").mkdir()
        index.save(
            *(str(kept.parent / f"{kept.name}.{part}") for part in ("config", "graph", "data"))
        )

    def search(self, task: Task, kept: Path) -> Search:
        import svs

        config, graph, data = (
            str(kept.parent / f"{kept.name}.{part}") for part in ("config", "graph", "data")
        )
        loader = svs.VectorDataLoader(data, svs.DataType.float32, dims=task["base"].shape[1])
        index = svs.Vamana(
            config, svs.GraphLoader(graph), loader, svs.DistanceType.L2, num_threads=1
        )
        k = int(task["k"])

        def search(query: np.ndarray, ef: int) -> Any:
            index.search_window_size = ef
            return index.search(query, k)[0].astype(np.int64)

        return search


SIDES = {
    "penchant": Penchant(),
    "penchant float32": Penchant(storage="float32"),
    "penchant filter": Penchant(make_ready=True),
    "penchant mask": Penchant(),
    "penchant flat": PenchantFlat(),
    "faiss flat": FaissFlat(),
    "penchant auto": Penchant("auto"),
    "faiss hnsw": FaissHnsw(),
    "faiss pq4 refine": FaissRefine("pq4"),
    "faiss sq8 refine": FaissRefine("sq8"),
    "hnswlib": Hnswlib(),
    "usearch": Usearch(),
    "svs": Svs(),
}


def main() -> None:
    side, what, path, answer, efforts = sys.argv[1:]
    task = dict(np.load(path))
    kept = Path(answer).with_suffix(".index")
    if what == "build":
        began = time.perf_counter()
        SIDES[side].build(task, kept)
        np.savez(answer, seconds=time.perf_counter() - began)
        return
    queries = task["queries"]
    if what == "batch":
        (threads,) = json.loads(efforts)
        ask = SIDES[side].batch(task, threads)
        ask(queries[:100])
        began = time.perf_counter()
        found = ask(queries)
        np.savez(answer, found=found, rate=len(queries) / (time.perf_counter() - began))
        return
    search = SIDES[side].search(task, kept)
    for q in range(min(200, len(queries))):  # caches and lazy set-up
        search(queries[q : q + 1], 64 if "refine" not in side else 1)
    found, rates = [], []
    one_by_one = [queries[q : q + 1] for q in range(len(queries))]
    for effort in json.loads(efforts):
        began = time.perf_counter()
        answers = [search(query, effort) for query in one_by_one]
        rates.append(len(queries) / (time.perf_counter() - began))
        found.append(np.vstack(answers))
    np.savez(answer, found=np.stack(found), rates=np.array(rates))


if __name__ == "__main__":
    main()
