"""The ranking metrics as plain functions on ids, for one person at a time.

    pn.metrics.ndcg({"a", "c"}, ["a", "b", "c"], k=3)

They are the definitions of ``docs/metrics.md``, written to be read; ``pn.evaluate`` computes the
same values for everyone at once in C++. Every function gives NaN when the truth is empty.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from penchant.errors import InvalidArgumentError

__all__ = [
    "auc",
    "average_precision",
    "hit_rate",
    "ndcg",
    "precision",
    "recall",
    "reciprocal_rank",
]

_NAN = float("nan")


def precision(truth: Iterable[Hashable], ranked: Sequence[Hashable], k: int | None = None) -> float:
    """Return the share of the first `k` places that hold something right.

    Parameters
    ----------
    truth : iterable of ids
        What is right.
    ranked : sequence of ids
        What was recommended, best first, each id once.
    k : int, optional
        The cut; the whole list by default. A list shorter than `k` is still divided by `k`.

    Raises
    ------
    InvalidArgumentError
        When `k` is not positive or an id comes twice in `ranked`.
    """
    right, hits = _hits(truth, ranked, k)
    places = len(hits) if k is None else k
    return sum(hits) / places if right and places else _NAN


def recall(truth: Iterable[Hashable], ranked: Sequence[Hashable], k: int | None = None) -> float:
    """Return the share of the truth that is among the first `k`; see `precision`."""
    right, hits = _hits(truth, ranked, k)
    return sum(hits) / len(right) if right else _NAN


def hit_rate(truth: Iterable[Hashable], ranked: Sequence[Hashable], k: int | None = None) -> float:
    """Return 1 when anything right is among the first `k`, else 0; see `precision`."""
    right, hits = _hits(truth, ranked, k)
    return float(any(hits)) if right else _NAN


def average_precision(
    truth: Iterable[Hashable], ranked: Sequence[Hashable], k: int | None = None
) -> float:
    """Return the precisions at the right ones' ranks up to `k`, over ``min(k, len(truth))``.

    Its mean over people is MAP@k; see `precision`.
    """
    right, hits = _hits(truth, ranked, k)
    if not right:
        return _NAN
    total, found = 0.0, 0
    for rank, hit in enumerate(hits, start=1):
        found += hit
        total += found / rank if hit else 0.0
    return total / _most(right, k)


def ndcg(truth: Iterable[Hashable], ranked: Sequence[Hashable], k: int | None = None) -> float:
    """Return ``sum 1 / log2(rank + 1)`` over right ones up to `k`, over its highest possible value.

    Relevance is binary; see `precision`.
    """
    right, hits = _hits(truth, ranked, k)
    if not right:
        return _NAN
    gain = sum(1.0 / math.log2(rank + 1) for rank, hit in enumerate(hits, start=1) if hit)
    return gain / sum(1.0 / math.log2(rank + 1) for rank in range(1, _most(right, k) + 1))


def reciprocal_rank(
    truth: Iterable[Hashable], ranked: Sequence[Hashable], k: int | None = None
) -> float:
    """Return ``1 / rank`` of the first right one up to `k`, else 0; see `precision`."""
    right, hits = _hits(truth, ranked, k)
    if not right:
        return _NAN
    return next((1.0 / rank for rank, hit in enumerate(hits, start=1) if hit), 0.0)


def auc(
    truth: Iterable[Hashable],
    scores: Mapping[Any, float] | Sequence[float] | np.ndarray,
    items: Sequence[Hashable] | None = None,
    *,
    exclude: Iterable[Hashable] = (),
) -> float:
    """Return the share of (right, wrong) pairs in the right order; a tie counts one half.

    Parameters
    ----------
    truth : iterable of ids
        The right ones; those without a score are left out.
    scores : mapping of id to score, or array [n]
        Of all items that compete.
    items : sequence of ids [n], optional
        Whose scores these are, when `scores` is an array.
    exclude : iterable of ids, optional
        Neither right nor wrong unless in the truth: what the person has already.

    Returns
    -------
    float
        NaN when there is nothing right or nothing wrong among the scored.

    Raises
    ------
    InvalidArgumentError
        When `items` and `scores` differ in length, or `items` is missing.
    """
    if isinstance(scores, Mapping):
        ids: Collection[Any] = list(scores)
        values = np.asarray(list(scores.values()), dtype=np.float64)
    else:
        if items is None or len(items) != len(scores):
            raise InvalidArgumentError("auc: give as many items as scores, or a dict of scores")
        ids, values = list(items), np.asarray(scores, dtype=np.float64)
    values = np.where(np.isnan(values), -np.inf, values)
    right = set(truth)
    is_right = np.fromiter((each in right for each in ids), dtype=bool, count=len(ids))
    left_out = set(exclude)
    is_out = np.fromiter((each in left_out for each in ids), dtype=bool, count=len(ids))
    positives = np.sort(values[is_right])
    negatives = values[~is_right & ~is_out]
    if len(positives) == 0 or len(negatives) == 0:
        return _NAN
    above = len(positives) - np.searchsorted(positives, negatives, side="right")
    not_below = len(positives) - np.searchsorted(positives, negatives, side="left")
    return float(np.sum(above + not_below)) / 2.0 / (len(positives) * len(negatives))


def _hits(
    truth: Iterable[Hashable], ranked: Sequence[Hashable], k: int | None
) -> tuple[set[Hashable], list[bool]]:
    if k is not None and k < 1:
        raise InvalidArgumentError(f"k must be at least 1; it is {k}")
    # Plain Python objects, so that NumPy's ids hash and compare like the caller's own.
    listed = ranked.tolist() if isinstance(ranked, np.ndarray) else list(ranked)
    if len(set(listed)) != len(listed):
        raise InvalidArgumentError("an id comes twice in the ranked list")
    right = set(truth.tolist() if isinstance(truth, np.ndarray) else truth)
    return right, [each in right for each in listed[:k]]


def _most(right: set[Hashable], k: int | None) -> int:
    return len(right) if k is None else min(k, len(right))
