"""The tasks of `gbdt.py`: made rows of several shapes, and the measures that judge scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

BLOCK = 50_000  # rows that are made at a time


@dataclass(frozen=True)
class Shape:
    """Rows to learn from and rows to judge by, with labels by a nonlinear function and chance."""

    rows: int
    features: int
    make: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
    held_out: int = 200_000
    categorical: list[int] = field(default_factory=list)
    query: int = 0  # rows of a query; 0: two classes

    def write(self, folder: Path, rows: int | None = None) -> np.ndarray:
        """Keep X, y and the held-out rows in a folder, block by block; return their labels."""
        total = (rows or self.rows, self.held_out)
        labels = []
        for part, (name, count) in enumerate(zip(("X", "held"), total, strict=True)):
            out = np.lib.format.open_memmap(
                folder / f"{name}.npy", "w+", np.float32, (count, self.features)
            )
            y = np.empty(count, dtype=np.float32)
            for begin in range(0, count, BLOCK):
                end = min(begin + BLOCK, count)
                random = np.random.default_rng([1, part, begin])
                out[begin:end], y[begin:end] = self.make(random, end - begin)
            out.flush()
            labels.append(y)
        np.save(folder / "y.npy", labels[0])
        return labels[1]

    def judge(self, y: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """AUC and log loss, or NDCG at 10."""
        if self.query:
            return {"ndcg": ndcg(y.reshape(-1, self.query), scores.reshape(-1, self.query))}
        return {"auc": auc(y, scores), "log_loss": log_loss(y, scores)}


# -- the shapes ------------------------------------------------------------------------------------


def coin(random: np.random.Generator, z: np.ndarray) -> np.ndarray:
    return (random.random(len(z)) < 1 / (1 + np.exp(-z))).astype(np.float32)


def dense(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal features, of which twenty matter: steps, waves, products, and a weak sum."""
    X = random.standard_normal((rows, 28), dtype=np.float32)
    z = X[:, 0] * (1 + X[:, 1]) + np.sin(2 * X[:, 2]) + np.abs(X[:, 3]) * (X[:, 4] > 0)
    z += 0.5 * X[:, 5] ** 2 - 0.5 + 0.7 * X[:, 6] * (X[:, 7] > 0.3) + 0.15 * X[:, 8:20].sum(axis=1)
    return X, coin(random, z)


def narrow(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Four normal features."""
    X = random.standard_normal((rows, 4), dtype=np.float32)
    z = X[:, 0] * (1 + X[:, 1]) + np.sin(2 * X[:, 2]) + np.abs(X[:, 3]) - 0.8
    return X, coin(random, z)


def skewed(random: np.random.Generator, rows: int, levels: int) -> np.ndarray:
    """Levels of which the first are frequent."""
    return np.minimum(levels * random.random(rows) ** 2, levels - 1).astype(np.int64)


def one_hot(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Forty columns of 25 levels each as 0 and 1: a thousand features, four in a hundred set."""
    columns, levels = 40, 25
    worth = np.random.default_rng(3).standard_normal((columns, levels))
    X = np.zeros((rows, columns * levels), dtype=np.float32)
    z = np.zeros(rows)
    for column in range(columns):
        level = skewed(random, rows, levels)
        X[np.arange(rows), column * levels + level] = 1
        z += worth[column, level] * (1 if column < 10 else 0.15)
    return X, coin(random, 0.7 * z)


def categories(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight columns of 10 to 200 unordered levels, and eight normal features."""
    worth = np.random.default_rng(4).standard_normal((8, 200))
    X = random.standard_normal((rows, 16), dtype=np.float32)
    z = X[:, 8] * X[:, 9] + np.sin(2 * X[:, 10])
    for column in range(8):
        level = skewed(random, rows, (10, 20, 30, 50, 80, 120, 160, 200)[column])
        X[:, column] = level
        z += 0.5 * worth[column, level] * (1 if column % 2 else X[:, 11])
    return X, coin(random, z)


def ranking(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Forty normal features, five grades of which the best is rare."""
    X = random.standard_normal((rows, 40), dtype=np.float32)
    z = X[:, 0] * (1 + X[:, 1]) + np.sin(2 * X[:, 2]) + 0.7 * X[:, 3] * (X[:, 4] > 0)
    z += 0.2 * X[:, 5:20].sum(axis=1) + 1.2 * random.standard_normal(rows)
    return X, np.searchsorted([0.5, 1.5, 2.6, 4.2], z).astype(np.float32)


SHAPES = {
    "dense": Shape(1_000_000, 28, dense),
    "narrow": Shape(4_000_000, 4, narrow),
    "one_hot": Shape(200_000, 1000, one_hot, held_out=50_000),
    "categories": Shape(500_000, 16, categories, categorical=list(range(8))),
    "ranking": Shape(200_000, 40, ranking, query=100),
}


# -- judging ---------------------------------------------------------------------------------------


def auc(y: np.ndarray, scores: np.ndarray) -> float:
    """Share of pairs of a positive and a negative row that are in the right order."""
    rank = np.empty(len(scores))
    rank[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)
    positive = int(y.sum())
    below = rank[y > 0].sum() - positive * (positive + 1) / 2
    return float(below / (positive * (len(y) - positive)))


def log_loss(y: np.ndarray, scores: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0, scores) - y * scores))


def ndcg(y: np.ndarray, scores: np.ndarray, cut: int = 10) -> float:
    """Mean over queries [queries, rows of one], gains 2^label - 1."""
    weight = 1 / np.log2(np.arange(2, cut + 2))
    gain = 2.0**y - 1
    found = np.take_along_axis(gain, np.argsort(-scores, axis=1, kind="stable"), axis=1)
    best = -np.sort(-gain, axis=1)
    ideal = best[:, :cut] @ weight
    counted = ideal > 0
    return float(np.mean((found[:, :cut] @ weight)[counted] / ideal[counted]))
