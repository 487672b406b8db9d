"""One side of `identity.py`: reads the records, unites them once, prints what it found as JSON.

python identity_side.py "penchant pandas" FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ("login", "email", "cookie")


def check_of(labels: np.ndarray, firsts: np.ndarray) -> int:
    """Sum up a labelling of the records so that only equal partitions give the same number."""
    # Each component by the first record that it has.
    first = np.full(int(labels.max()) + 1, len(labels), np.int64)
    np.minimum.at(first, labels, firsts)
    return int(np.sum(first[labels] * (np.arange(len(labels)) % 65_521 + 1)) % (1 << 61))


def penchant(kind: str, rules: bool, key: bool, folder: Path) -> dict[str, Any]:
    """Penchant, from a frame of this kind."""
    import pyarrow.parquet as pq

    import penchant as pn

    table = pq.read_table(folder / "records.parquet")
    if kind == "pandas":
        frame = table.to_pandas()
    elif kind == "polars":
        import polars as pl

        frame = pl.from_arrow(table)
    else:
        frame = table
    off = {"limit": None, "bridge": True, "shared_after": 0}
    identity = pn.Identity(
        None if rules else {"login": off, "email": off, "cookie": off},
        None if rules else {"all": None},
        key="0123456789abcdef" if key else None,
    )
    begin = time.perf_counter()
    identity.link(frame)
    linked = time.perf_counter()
    resolved = identity.resolve(frame)
    seconds = time.perf_counter() - begin
    subjects = resolved["subject"]
    subjects = subjects.to_pandas() if kind != "pandas" else subjects
    labels, _ = pd.factorize(subjects)
    return {
        "seconds": linked - begin,
        "with_resolve": seconds,
        "identifiers": identity.num_identifiers,
        "components": identity.num_subjects,
        "bytes": identity.memory_bytes,
        "check": check_of(labels, np.arange(len(labels))),
    }


def nodes_of(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Edges between numbers of texts, a number of each record, and how many there are."""
    codes = []
    count = 0
    for name in COLUMNS:
        code, distinct = pd.factorize(frame[name].to_numpy())
        codes.append(np.where(code < 0, -1, code + count))
        count += len(distinct)
    # To the first identifier that the record has: the others follow from it.
    anchor = np.where(codes[0] >= 0, codes[0], np.where(codes[1] >= 0, codes[1], codes[2]))
    ends = [
        (anchor[has], code[has]) for code in codes[1:] for has in [(code >= 0) & (code != anchor)]
    ]
    a = np.concatenate([one for one, _ in ends])
    b = np.concatenate([other for _, other in ends])
    return a, b, anchor, count


def peer(side: str, folder: Path) -> dict[str, Any]:
    """A public library on the same records."""
    frame = pd.read_parquet(folder / "records.parquet")
    begin = time.perf_counter()
    a, b, anchor, count = nodes_of(frame)
    factorized = time.perf_counter()
    if side == "scipy":
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), (count, count))
        components, labels = connected_components(graph, directed=False)
    elif side == "igraph":
        import igraph

        graph = igraph.Graph(n=count, edges=np.column_stack([a, b]))
        labels = np.array(graph.connected_components().membership)
        components = int(labels.max()) + 1
    else:
        import networkx as nx

        graph = nx.Graph()
        graph.add_nodes_from(range(count))
        graph.add_edges_from(zip(a.tolist(), b.tolist(), strict=True))
        labels = np.zeros(count, np.int64)
        components = 0
        for members in nx.connected_components(graph):
            labels[list(members)] = components
            components += 1
    seconds = time.perf_counter() - begin
    return {
        "seconds": seconds,
        "union_alone": seconds - (factorized - begin),
        "identifiers": count,
        "components": int(components),
        "check": check_of(np.asarray(labels, np.int64)[anchor], np.arange(len(anchor))),
    }


def main() -> None:
    side, folder = sys.argv[1], Path(sys.argv[2])
    if side.startswith("penchant"):
        words = side.split()
        answer = penchant(words[1], "rules" in words, "key" in words, folder)
    else:
        answer = peer(side, folder)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
