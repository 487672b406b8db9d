"""Nearest neighbours against public libraries at equal recall.

    .venv/bin/python benchmarks/peers/vector_index.py [vectors] [factors] [filtered] [batch]
        [--quick] [--rows 200000] [--columns 96] [--rounds 3] [--factors ITEMS.npy PEOPLE.npy]

- ``vectors``: embeddings of low inner dimension, L2, recall@10.
- ``factors``: item factors of an ALS model, searched for people's factors by inner product,
  recall@100: of a simulated shop, or given as two files.
- ``filtered``: L2 on the first 41,000 vectors of 64 columns, 1, 5 and 20 % of them allowed.
- ``batch``: exact search for all queries in one call, L2 and inner product, one and two threads.

All sides get the same vectors and queries and take turns, each in a process of its own; but for
``batch`` they build and search on one thread, a query a call. Graphs have the same degree (64 on
the ground) and construction effort (200). Recall is judged here, against one exact search. As equal
effort is not equal recall, rates are read off each side's own curve at the same recall; a ratio is
the median of those of the rounds, ours over theirs. Prints tables and writes
`benchmarks/results/vector_index.json`; ``--quick`` is a small try that writes nothing. (SVS
compresses by LVQ in its proprietary part alone; here it holds floats.)
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
FILTERED_EFFORTS = (16, 32, 64, 128, 256, 512, 1024, 2048)
THREADS = (1, 2)
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
    "filtered": ("penchant filter", "penchant mask", "faiss hnsw"),
    "batch": ("penchant flat", "faiss flat"),
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


def quick_factors(items: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Stand-ins for factors: lengths spread as those of popular and rare items are."""
    random = np.random.default_rng(2)
    drawn, people = vectors(items, columns)
    drawn *= np.exp(0.8 * random.standard_normal((items, 1))).astype(np.float32)
    return drawn, people


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
    for begin in range(0, len(queries), 50):
        products = queries[begin : begin + 50].astype(np.float64) @ base.T
        far = -products if metric == "ip" else lengths - 2 * products
        if mask is not None:
            far[:, ~mask] = np.inf
        out[begin : begin + 50] = np.argpartition(far, k, axis=1)[:, :k]
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

    def _call(self, side: str, what: str, efforts: tuple[int, ...], threads: int = 1) -> Any:
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
            threads=threads,
            blas_threads=threads,
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
                got = self._call(side, "search", self._efforts(side))
                rates[side].append(got["rates"].tolist())
                recalls[side] = [recall(found, self.truth) for found in got["found"]]
        for side in sides:
            middle = [median(one) for one in zip(*rates[side], strict=True)]
            kept = out["sides"].setdefault(side, {})
            kept["curve"] = [
                [round(found, 4), round(rate)]
                for found, rate in zip(recalls[side], middle, strict=True)
            ]
            kept["at"], kept["ratio"] = {}, {}
            for level in NEEDED[self.name]:
                theirs = [self._rate(recalls[side], one, level) for one in rates[side]]
                ours = [self._rate(recalls[sides[0]], one, level) for one in rates[sides[0]]]
                there = None not in theirs
                kept["at"][str(level)] = median(theirs) if there else None
                pairs = zip(ours, theirs, strict=True)
                kept["ratio"][str(level)] = (
                    median(a / b for a, b in pairs) if there and None not in ours else None
                )
        return out

    def _efforts(self, side: str) -> tuple[int, ...]:
        if "refine" in side:
            return REFINE
        if "auto" in side or (self.mask is not None and side.startswith("penchant")):
            return (0,)
        return FILTERED_EFFORTS if self.mask is not None else EFFORTS

    @staticmethod
    def _rate(recalls: list[float], rates: list[float], level: float) -> float | None:
        return rate_at(list(zip(recalls, rates, strict=True)), level)


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
            rate, ratio = one["at"][str(level)], one["ratio"][str(level)]
            line += f"{'-' if rate is None else format(rate, '.0f'):>14}"
            line += f"{'' if ratio is None else format(ratio, '.2f'):>8}"
        best = max(found for found, _ in one["curve"])
        if any(one["at"][str(level)] is None for level in levels):
            fastest = max(rate for found, rate in one["curve"] if found == best)
            line += f"   at most {best:.3f}, at {fastest}/s"
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=[])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--factors", nargs=2, metavar="NPY")
    parser.add_argument("--sides", help="only these, by commas")
    parser.add_argument("--quick", action="store_true", help="a small try; writes nothing")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.rounds = min(options.rows, 30_000), 1
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
    if options.quick:
        return
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
        sets = [quick_factors(41_000, 64) if options.quick else simulated_factors(41_000, 64)]
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
        # One index for all shares; how it was built is shown with the first.
        got = part.run(options.rounds, build=number == 0)
        title = f"filtered: {share:.0%} of 41000 x 64 allowed, L2, recall@10"
        table(title, got, NEEDED["filtered"])
        out[str(share)] = got
    return out


def run_batch(options: argparse.Namespace, folder: Path) -> Any:
    out: dict[str, Any] = {}
    print(f"\nbatch: {QUERIES} queries of {options.rows} x {options.columns}, exact, k 10")
    for metric in ("l2", "ip"):
        base, queries = vectors(options.rows, options.columns)
        part = Part("batch", folder, base, queries, metric=metric, k=10)
        for threads in THREADS:
            rates: dict[str, list[float]] = {side: [] for side in SIDES["batch"]}
            for _ in range(options.rounds):
                for side in SIDES["batch"]:
                    got = part._call(side, "batch", (threads,), threads)
                    found = recall(got["found"], part.truth)
                    if found < 0.999:
                        raise SystemExit(f"{side} found {found:.4f} of the nearest, not all")
                    rates[side].append(float(got["rate"]))
            ours, theirs = (rates[side] for side in SIDES["batch"])
            ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
            out[f"{metric}, {threads} threads"] = {
                "rates": {side: round(median(one)) for side, one in rates.items()},
                "ratio": round(ratio, 2),
            }
            shown = ", ".join(f"{side} {median(one):.0f}/s" for side, one in rates.items())
            print(f"{metric}, {threads} threads: {shown}, ours x {ratio:.2f}", flush=True)
    return out


if __name__ == "__main__":
    main()
