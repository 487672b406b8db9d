"""The tasks of `gbdt_quality.py`: made rows of many kinds, and the measures that judge scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from gbdt_shapes import auc, categories, coin, dense, log_loss

# X [rows, features] float32, y, and weights or None.
Rows = tuple[np.ndarray, np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Kind:
    """What rows look like, and what is to be minimized."""

    make: Callable[[np.random.Generator, int], Rows]
    objective: str = "logistic"  # or "l2", "poisson"
    categorical: tuple[int, ...] = ()
    draws: int = 5  # as many seeds

    def judge(self, y: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """Measures of raw scores; the loss is first: the lower the better."""
        if self.objective == "logistic":
            return {"loss": log_loss(y, scores), "auc": auc(y, scores)}
        if self.objective == "l2":
            return {"loss": float(np.mean((y - scores) ** 2))}
        # Half the deviance.
        own = y * np.log(np.maximum(y, 1)) - y
        return {"loss": float(np.mean(np.exp(scores) - y * scores + own))}


def plain(make: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]) -> Kind:
    return Kind(lambda random, rows: (*make(random, rows), None))


# -- the kinds -------------------------------------------------------------------------------------


def signal(X: np.ndarray) -> np.ndarray:
    """Steps, waves and products of the first eight features."""
    z = X[:, 0] * (1 + X[:, 1]) + np.sin(2 * X[:, 2]) + np.abs(X[:, 3]) * (X[:, 4] > 0)
    return np.asarray(z + 0.5 * X[:, 5] ** 2 - 0.5 + 0.7 * X[:, 6] * (X[:, 7] > 0.3))


def products(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Products of pairs alone: no feature says anything by itself."""
    X = random.standard_normal((rows, 20), dtype=np.float32)
    z = X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] + 0.7 * X[:, 4] * X[:, 5] + 0.5 * X[:, 6] * X[:, 7]
    return X, coin(random, z)


def noise(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight features that matter among a hundred."""
    X = random.standard_normal((rows, 100), dtype=np.float32)
    return X, coin(random, signal(X[:, ::12]))


def heavy_tails(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Features without a variance, and amounts over many powers of ten."""
    X = random.standard_normal((rows, 20), dtype=np.float32)
    z = signal(X)
    X[:, :10] = np.sign(X[:, :10]) * np.expm1(2 * np.abs(X[:, :10]))
    X[:, 10:] = np.exp(3 * X[:, 10:])
    return X, coin(random, z + 0.3 * np.log(X[:, 10:14]).sum(axis=1) / 3)


def rare(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """One positive row in a hundred."""
    X = random.standard_normal((rows, 20), dtype=np.float32)
    return X, coin(random, signal(X) - 6.1)


def weighted(random: np.random.Generator, rows: int) -> Rows:
    """Weights over two powers of ten; the heavy rows are the sure ones."""
    X = random.standard_normal((rows, 20), dtype=np.float32)
    weight = np.exp(random.standard_normal(rows)).astype(np.float32)
    return X, coin(random, signal(X) * (0.5 + 0.5 * np.minimum(weight, 2))), weight


def missing(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A value in three is missing, by chance, by size, or by the label's doing."""
    X = random.standard_normal((rows, 20), dtype=np.float32)
    y = coin(random, signal(X) + 0.5 * X[:, 10] - 0.5 * X[:, 11])
    lost = random.random(X.shape)
    lost[:, 5] -= 0.3 * (X[:, 5] > 0)
    lost[:, 9] -= 0.1 * y
    X[lost < 0.33] = np.nan
    return X, y


def few_levels(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten columns of two to four unordered levels, and six normal features."""
    worth = np.random.default_rng(4).standard_normal((10, 4))
    X = random.standard_normal((rows, 16), dtype=np.float32)
    z = X[:, 10] * X[:, 11] + np.sin(2 * X[:, 12])
    for column in range(10):
        level = random.integers(0, (2, 3, 3, 3, 4, 4, 4, 4, 4, 4)[column], rows)
        X[:, column] = level
        z += 0.5 * worth[column, level] * (1 if column % 2 else X[:, 13])
    return X, coin(random, z)


def counts(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers: some have three values, some thousands, most are zero or small."""
    rate = random.gamma(0.5, 1.0, (rows, 20)) * np.geomspace(0.3, 3000, 20)[np.arange(20) * 7 % 20]
    X = random.poisson(rate).astype(np.float32)
    z = np.log1p(X)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    return X, coin(random, signal(z))


def numbers(random: np.random.Generator, rows: int) -> Rows:
    """Numbers to predict, with noise of heavy tails."""
    X = random.standard_normal((rows, 20), dtype=np.float32)
    return X, (3 * signal(X) + random.standard_t(3, rows)).astype(np.float32), None


def amounts(random: np.random.Generator, rows: int) -> Rows:
    """The same over powers of ten: few rows have most of the squares."""
    X = random.standard_normal((rows, 20), dtype=np.float32)
    y = np.exp(np.minimum(signal(X), 5) + 0.5 * random.standard_normal(rows))
    return X, y.astype(np.float32), None


def events(random: np.random.Generator, rows: int) -> Rows:
    """Counts to predict, of rates from hundredths to a hundred and more."""
    X = random.standard_normal((rows, 20), dtype=np.float32)
    rate = np.exp(np.minimum(signal(X), 5))
    return X, random.poisson(rate).astype(np.float32), None


KINDS = {
    "dense": plain(dense),
    # Which pair is found first is chance, and so is the loss by several thousandths.
    "products": replace(plain(products), draws=16),
    "noise": plain(noise),
    "heavy_tails": plain(heavy_tails),
    "rare": plain(rare),
    "weighted": Kind(weighted),
    "missing": plain(missing),
    "categories": replace(plain(categories), categorical=tuple(range(8))),
    "few_levels": replace(plain(few_levels), categorical=tuple(range(10)), draws=16),
    "counts": plain(counts),
    "numbers": Kind(numbers, "l2"),
    "amounts": Kind(amounts, "l2"),
    "events": Kind(events, "poisson"),
}
