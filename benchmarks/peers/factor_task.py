"""The task that `evaluation.py` and `recommend_all.py` share: one fitted model, the same for all.

A seeded log with groups of taste and popularity that falls off like a power; `pn.ALS` is fitted on
nine tenths of it. What the other sides get are its factors and the pairs as arrays, all in the same
order of subjects and items.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

GROUPS = 60


@dataclass(frozen=True)
class Size:
    subjects: int = 30_000
    items: int = 40_000
    pairs: int = 2_000_000
    factors: int = 128


def pairs_of(size: Size, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Distinct pairs (subject, item); every subject and item has one at least."""
    random = np.random.default_rng(seed)
    count = int(size.pairs * 1.5)
    subject = (size.subjects * random.random(count) ** 1.7).astype(np.int64)
    # Two of three pairs stay in the subject's group: an item's group is its number modulo GROUPS.
    item = (size.items * random.random(count) ** 2.2).astype(np.int64)
    inside = random.random(count) < 2 / 3
    own = item - item % GROUPS + subject * 7919 % GROUPS
    item = np.where(inside & (own < size.items), own, item)
    subject = np.concatenate(
        [np.arange(size.subjects), subject, np.arange(size.items) % size.subjects]
    )
    item = np.concatenate([np.arange(size.subjects) % size.items, item, np.arange(size.items)])
    keys = np.unique(subject * size.items + item)
    return keys // size.items, keys % size.items


def prepare(folder: Path, size: Size, threads: int, iterations: int = 4) -> dict[str, Any]:
    """Fit, write the model, both parts of the log and `task.npz`; return counts."""
    import pickle

    import penchant as pn

    subject, item = pairs_of(size)
    data = pn.Dataset.from_interactions(subject, item)
    train, test = pn.splits.random(data, test=0.1, seed=1)
    # Items that went to the test altogether would not be in the catalogue.
    model = pn.ALS(
        factors=size.factors, alpha=10, regularization=1, iterations=iterations, threads=threads
    ).fit(train, progress=False)
    seen = train.to_csr("binary")
    truth = aligned(test, train)
    np.savez(
        folder / "task.npz",
        users=model.subject_factors,
        items=model.item_factors,
        seen_at=seen.indptr.astype(np.int64),
        seen=seen.indices.astype(np.int32),
        truth_at=truth.indptr.astype(np.int64),
        truth=truth.indices.astype(np.int32),
    )
    for name, what in (("model", model), ("train", train), ("test", test)):
        with open(folder / f"{name}.pickle", "wb") as file:
            pickle.dump(what, file)
    return {
        "subjects": train.num_subjects,
        "items": train.num_items,
        "train_pairs": int(seen.nnz),
        "test_pairs": int(truth.nnz),
        "test_subjects": int(np.count_nonzero(np.diff(truth.indptr))),
        "factors": size.factors,
    }


def aligned(test: Any, train: Any) -> Any:
    """Pairs of `test` as a matrix of the shape of `train`; what train does not know is dropped."""
    import scipy.sparse as sp

    pairs = test.to_csr("binary").tocoo()
    rows = np.searchsorted(train.subject_ids, test.subject_ids)
    columns = np.searchsorted(train.item_ids, test.item_ids)
    columns = np.minimum(columns, train.num_items - 1)
    known = train.item_ids[columns[pairs.col]] == test.item_ids[pairs.col]
    shape = (train.num_subjects, train.num_items)
    kept = (pairs.data[known], (rows[pairs.row[known]], columns[pairs.col[known]]))
    out = sp.csr_matrix(kept, shape=shape)
    out.sort_indices()
    return out


def load(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "task.npz") as found:
        return {name: found[name] for name in found.files}


def matrices(task: dict[str, np.ndarray]) -> tuple[Any, Any]:
    """Train and test as scipy matrices."""
    import scipy.sparse as sp

    shape = (len(task["users"]), len(task["items"]))
    return tuple(
        sp.csr_matrix(
            (np.ones(len(task[name]), np.float32), task[name], task[f"{name}_at"]), shape=shape
        )
        for name in ("seen", "truth")
    )
