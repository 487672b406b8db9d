"""One judge for every ranking: NumPy alone, shared by all environments, independent of Penchant.

A score matrix [subjects, items] and two boolean matrices of that shape, what was bought before
(`seen`) and what was bought in the test (`truth`), give four numbers a subject:

    map@10     sum over hits at ranks up to 10 of precision at the rank, over min(10, |truth|)
    ndcg@20    binary gains, log2 discount, over the best possible with |truth| right items
    recall@20  hits among the first 20 over |truth|
    auc        chance that a right item scores above a wrong one, ties one half

Without repeats, seen items are masked, and dropped from the truth; subjects left with no truth are
not counted. Wrong items of the AUC are all that are not in the truth (`auc`), or only those that
were never bought before either (`auc_unseen`). Without repeats the two are the same.
"""

from __future__ import annotations

import numpy as np

METRICS = ("map@10", "ndcg@20", "recall@20", "auc", "auc_unseen")
RESAMPLES = 1000


def judge(
    scores: np.ndarray, seen: np.ndarray, truth: np.ndarray, *, repeats: bool, with_auc: bool = True
) -> dict[str, np.ndarray]:
    """Return the metrics a subject, each [subjects]; NaN where a subject has no truth."""
    scores = np.asarray(scores, dtype=np.float64).copy()
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    right = truth if repeats else truth & ~seen
    if not repeats:
        scores[seen] = -np.inf
    size = right.sum(axis=1)
    kept = np.flatnonzero(size)
    top = np.argsort(-scores[kept], axis=1, kind="stable")[:, :20]
    hits = np.take_along_axis(right[kept], top, axis=1).astype(float)
    ranks = np.arange(1, hits.shape[1] + 1)
    discount = 1.0 / np.log2(ranks + 1)
    first = hits[:, :10]
    precision = np.cumsum(first, axis=1) / ranks[:10]
    ideal = np.cumsum(discount)[np.minimum(size[kept], len(ranks)) - 1]
    values = {
        "map@10": (precision * first).sum(axis=1) / np.minimum(size[kept], 10),
        "ndcg@20": hits @ discount / ideal,
        "recall@20": hits.sum(axis=1) / size[kept],
    }
    if with_auc:
        fresh = ~seen[kept]
        values["auc"] = auc(scores[kept], right[kept], np.ones_like(fresh) if repeats else fresh)
        values["auc_unseen"] = auc(scores[kept], right[kept], fresh)
    out = {}
    for name, column in values.items():
        out[name] = np.full(len(scores), np.nan)
        out[name][kept] = column
    return out


def auc(scores: np.ndarray, right: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Area under the ROC curve a row, from mid-ranks (Mann & Whitney); `allowed` may be wrong."""
    out = np.empty(len(scores))
    for row in range(len(scores)):
        among = right[row] | allowed[row]
        values = scores[row][among]
        positive = right[row][among]
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - (counts - 1) / 2.0
        good = int(positive.sum())
        bad = len(values) - good
        total = middle[inverse][positive].sum()
        out[row] = (total - good * (good + 1) / 2) / (good * bad) if bad else np.nan
    return out


def interval(values: np.ndarray, *, seed: int = 0, confidence: float = 0.95) -> tuple[float, ...]:
    """Mean and percentile bootstrap interval over the subjects that count.

    The resamples depend on the seed and the number of subjects only, so two models judged on the
    same subjects meet the same resamples.
    """
    values = values[~np.isnan(values)]
    draws = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    tails = (1 - confidence) / 2
    low, high = np.quantile(values[draws].mean(axis=1), [tails, 1 - tails])
    return float(values.mean()), float(low), float(high)
