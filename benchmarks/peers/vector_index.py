"""Nearest neighbours, single queries on one thread, against public libraries at equal recall.

    .venv/bin/python benchmarks/peers/vector_index.py [vectors] [factors] [filtered]
        [--rows 200000] [--columns 96] [--rounds 3] [--factors ITEMS.npy PEOPLE.npy]

- ``vectors``: embeddings of low inner dimension, L2, recall@10.
- ``factors``: item factors of an ALS model, searched for people's factors by inner product,
  recall@100: of a simulated shop, or given as two files.
- ``filtered``: L2 on the first 41,000 vectors of 64 columns, 1, 5 and 20 % of them allowed.

All sides get the same vectors and queries, build and search on one thread, and take turns, each in
a process of its own; graphs have the same degree (64 on the ground) and construction effort (200).
Recall is judged here, against one exact search. As equal effort is not equal recall, rates are read
off each side's own curve at the same recall. Prints tables and writes
`benchmarks/results/vector_index.json`. (SVS compresses by LVQ on Intel's processors alone; here it
holds floats.)
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import environments
import numpy as np

RESULTS = environments.ROOT / "benchmarks" / "results" / "vector_index.json"
PEERS = "vectors"  # the environment of all peers; None is this one
QUERIES = 1000
EFFORTS = (10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256)
REFINE = (1, 2, 4, 8, 16, 32, 64, 128)
SHARES = (0.01, 0.05, 0.20)
NEEDED = {"vectors": (0.90, 0.95, 0.99), "factors": (0.90, 0.95, 0.99), "filtered": (0.95,)}
SIDES = {
    "vectors": (
        "penchant",
        "penchant float32",
        "faiss hnsw",
        "hnswlib",
        "usearch",
        "svs",
    ),
    "factors": ("penchant auto", "faiss pq4 refine", "faiss sq8 refine", "faiss hnsw"),
    "filtered": ("penchant", "faiss hnsw"),
}


def vectors(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of low inner dimension with noise, as embeddings have; queries of the same kind."""
    random = np.random.default_rng(11)
    inner = max(4, columns // 6)
    frame = random.standard_normal((inner, columns))
    latent = random.standard_normal((rows + QUERIES, inner))
    noise = 0.3 * random.standard_normal((rows + QUERIES, columns))
    drawn = (latent @ frame / np.sqrt(inner) + noise).astype(np.float32)
    return drawn[:rows], drawn[rows:]


def simulated_factors(items: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Factors of ALS on a simulated shop; kept below build/peers/, as simulating takes a while."""
    kept = environments.HOME / f"factors_{items}_{columns}.npz"
    if not kept.exists():
        import penchant as pn

        world = pn.simulate.retail(subjects=items // 2, items=items, events=25 * items, seed=1)
        data = pn.Dataset.from_events(world.events, subject="subject", item="item", time="time")
        als = pn.ALS(factors=columns, iterations=10, threads=2).fit(data, progress=False)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, items=als.item_factors, people=als.subject_factors)
    got = np.load(kept)
    return got["items"], _some(got["people"])


def _some(people: np.ndarray) -> np.ndarray:
    return people[np.random.default_rng(3).permutation(len(people))[:QUERIES]]


def exact(
    base: np.ndarray, queries: np.ndarray, metric: str, k: int, mask: np.ndarray | None = None
) -> np.ndarray:
    base = base.astype(np.float64)
    lengths = (base**2).sum(axis=1)
    out = np.empty((len(queries), k), dtype=np.int64)
    for q, query in enumerate(queries.astype(np.float64)):
        far = -(base @ query) if metric == "ip" else lengths - 2 * (base @ query)
        if mask is not None:
            far[~mask] = np.inf
        out[q] = np.argpartition(far, k)[:k]
    return out


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    rows = len(truth)
    width = int(max(found.max(), truth.max())) + 2
    key = np.arange(rows)[:, None] * width
    return float(np.isin(truth + key, np.where(found < 0, -1, found + key)).mean())


def rate_at(curve: list[tuple[float, float]], level: float) -> float | None:
    """Queries a second at a recall, between the points of (recall, rate) around it."""
    before: tuple[float, float] | None = None
    for found, rate in curve:
        if found >= level:
            if before is None or found == before[0]:
                return rate
            part = (level - before[0]) / (found - before[0])
            return float(np.exp(np.log(before[1]) * (1 - part) + np.log(rate) * part))
        before = (found, rate)
    return None


class Part:
    """One table: its data, what each side is asked, and what came back."""

    def __init__(self, name: str, folder: Path, base: Any, queries: Any, **task: Any) -> None:
        self.name, self.folder = name, folder
        self.task = folder / "task.npz"
        self.metric, self.k = task["metric"], task["k"]
        self.mask = task.get("mask")
        np.savez(self.task, base=base, queries=queries, **task)
        self.truth = exact(base, queries, self.metric, self.k, self.mask)
        self.shape = base.shape

    def _call(self, side: str, what: str, efforts: tuple[int, ...]) -> Any:
        answer = self.folder / f"{side.replace(' ', '_')}.npz"
        environment = None if side.startswith("penchant") else PEERS
        environments.run(
            environment,
            "vector_index_side.py",
            side,
            what,
            self.task,
            answer,
            json.dumps(efforts),
            threads=1,
        )
        return np.load(answer, allow_pickle=False)

    def run(self, rounds: int, build: bool = True) -> dict[str, Any]:
        sides = SIDES[self.name]
        out: dict[str, Any] = {"shape": list(self.shape), "metric": self.metric, "sides": {}}
        for side in sides if build else ():
            out["sides"][side] = {"build_seconds": float(self._call(side, "build", ())["seconds"])}
        rates: dict[str, list[list[float]]] = {side: [] for side in sides}
        recalls: dict[str, list[float]] = {}
        for _ in range(rounds):
            for side in sides:
                efforts = REFINE if "refine" in side else (0,) if "auto" in side else EFFORTS
                got = self._call(side, "search", efforts)
                rates[side].append(got["rates"].tolist())
                recalls[side] = [recall(found, self.truth) for found in got["found"]]
        for side in sides:
            middle = [median(one) for one in zip(*rates[side], strict=True)]
            curve = list(zip(recalls[side], middle, strict=True))
            kept = out["sides"].setdefault(side, {})
            kept["curve"] = [[round(found, 4), round(rate)] for found, rate in curve]
            kept["at"] = {str(level): rate_at(curve, level) for level in NEEDED[self.name]}
        return out


def table(title: str, got: dict[str, Any], levels: tuple[float, ...]) -> None:
    sides = got["sides"]
    ours = next(iter(sides))
    print(f"\n{title}")
    head = "".join(f"{f'q/s at {level}':>14}{'ours x':>8}" for level in levels)
    print(f"{'':18}{'build, s':>10}{'ours x':>8}{head}")
    for side, one in sides.items():
        line = f"{side:18}"
        if "build_seconds" in one:
            ratio = one["build_seconds"] / sides[ours]["build_seconds"]
            line += f"{one['build_seconds']:10.1f}{ratio:8.2f}"
        else:
            line += " " * 18
        for level in levels:
            rate, mine = one["at"][str(level)], sides[ours]["at"][str(level)]
            if rate is None:
                line += f"{'-':>14}{'':>8}"
            else:
                line += f"{rate:14.0f}{(mine or float('nan')) / rate:8.2f}"
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=[])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--factors", nargs=2, metavar="NPY")
    parser.add_argument("--sides", help="only these, by commas")
    options = parser.parse_args()
    if options.sides:
        for part, there in SIDES.items():
            SIDES[part] = tuple(side for side in there if side in options.sides.split(","))
    environments.ensure(PEERS)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results = {part: got for part, got in results.items() if part in ("machine", *SIDES)}
    results["machine"] = environments.machine()
    for part in options.parts or list(SIDES):
        with tempfile.TemporaryDirectory() as folder:
            results[part] = globals()[f"run_{part}"](options, Path(folder))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def run_vectors(options: argparse.Namespace, folder: Path) -> Any:
    base, queries = vectors(options.rows, options.columns)
    got = Part("vectors", folder, base, queries, metric="l2", k=10).run(options.rounds)
    title = f"vectors: {options.rows} x {options.columns}, L2, recall@10"
    table(title, got, NEEDED["vectors"])
    return got


def run_factors(options: argparse.Namespace, folder: Path) -> Any:
    out = {}
    if options.factors:
        items, people = (np.load(path).astype(np.float32) for path in options.factors)
        sets = [(items, _some(people))]
    else:
        sets = [simulated_factors(41_000, 64), simulated_factors(100_000, 128)]
    for items, people in sets:
        got = Part("factors", folder, items, people, metric="ip", k=100).run(options.rounds)
        title = f"factors: {items.shape[0]} x {items.shape[1]}, inner product, recall@100"
        table(title, got, NEEDED["factors"])
        out[f"{items.shape[0]} x {items.shape[1]}"] = got
    return out


def run_filtered(options: argparse.Namespace, folder: Path) -> Any:
    base, queries = vectors(41_000, 64)
    out = {}
    for number, share in enumerate(SHARES):
        mask = np.random.default_rng(5).random(len(base)) < share
        part = Part("filtered", folder, base, queries, metric="l2", k=10, mask=mask)
        got = part.run(options.rounds, build=number == 0)
        title = f"filtered: {share:.0%} of 41000 x 64 allowed, L2, recall@10"
        table(title, got, NEEDED["filtered"])
        out[str(share)] = got
    return out


if __name__ == "__main__":
    main()
