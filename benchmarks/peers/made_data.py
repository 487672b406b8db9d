"""Made matrices with the shape and skew of public ones, for runs that depend on no download.

Degrees fall off like a power on both sides; who takes what follows a mixture of tastes (each
subject has three of them, each item one to two), so that factors have something to find and a loss
means something. The same numbers on every machine: NumPy's PCG64 with a fixed seed.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

__all__ = ["like_gowalla", "like_movielens_1m", "tastes"]


def tastes(
    subjects: int, items: int, pairs: int, *, subject_skew: float, item_skew: float,
    head: float = 1.0,
    count: int = 60, noise: float = 0.15, seed: int = 11,
) -> sp.csr_matrix:  # fmt: skip
    """Return a binary matrix [subjects, items] with exactly `pairs` ones.

    `subject_skew` is the sigma of the lognormal activity, `item_skew` the exponent of Zipf's law,
    whose head is flattened by `head`; `noise` is the part of the pairs that follows popularity
    alone.
    """
    random = np.random.default_rng(seed)
    popularity = (head + np.arange(items)) ** -item_skew
    popularity = popularity[random.permutation(items)]
    # Items by taste: two copies of the catalogue, each item in one random taste a copy.
    taste_of = random.integers(count, size=2 * items)
    order = np.argsort(taste_of, kind="stable")
    weight = popularity[order % items] * np.where(order < items, 1.0, 0.3)
    cumulative = np.concatenate([[0.0], np.cumsum(weight)])
    bounds = np.searchsorted(taste_of[order], np.arange(count + 1))
    low, high = cumulative[bounds[:-1]], cumulative[bounds[1:]]
    everything = np.concatenate([[0.0], np.cumsum(popularity)])

    activity = random.lognormal(0.0, subject_skew, subjects)
    favourites = random.integers(count, size=(subjects, 3))
    keys = np.empty(0, np.int64)
    while len(keys) < pairs:
        wanted = int((pairs - len(keys)) * 1.3) + 1000
        row = np.repeat(np.arange(subjects), random.multinomial(wanted, activity / activity.sum()))
        which = favourites[row, random.choice(3, size=len(row), p=[0.55, 0.3, 0.15])]
        at = low[which] + (high[which] - low[which]) * random.random(len(row))
        column = order[np.searchsorted(cumulative, at, side="right") - 1] % items
        loose = random.random(len(row)) < noise
        at = everything[-1] * random.random(int(loose.sum()))
        column[loose] = np.searchsorted(everything, at, side="right") - 1
        keys = np.union1d(keys, row * np.int64(items) + column)
    keys = np.sort(random.permutation(keys)[:pairs])
    ones = np.ones(pairs, dtype=np.float32)
    return sp.csr_matrix((ones, (keys // items, keys % items)), shape=(subjects, items))


def like_movielens_1m() -> sp.csr_matrix:
    """6,040 subjects, 3,706 items, 1,000,209 pairs."""
    return tastes(6_040, 3_706, 1_000_209, subject_skew=1.0, item_skew=1.7, head=400.0)


def like_gowalla() -> sp.csr_matrix:
    """29,858 subjects, 40,981 items, 810,128 pairs."""
    return tastes(29_858, 40_981, 810_128, subject_skew=0.8, item_skew=0.65, count=200)
