"""Boosted trees on rows of many kinds: the same bits on any threads, in training and out."""

from __future__ import annotations

import numpy as np
import pytest

import penchant as pn
from boosted import assert_same

ROWS = 6000


def signal(X):
    return X[:, 0] * (1 + X[:, 1]) + np.sin(2 * X[:, 2]) + np.abs(X[:, 3]) * (X[:, 4] > 0)


def coin(random, z):
    return (random.random(len(z)) < 1 / (1 + np.exp(-z))) * 1


def normal(random):
    return random.standard_normal((ROWS, 12)).astype(np.float32)


def dense(random):
    X = normal(random)
    return X, coin(random, signal(X)), {}


def products(random):
    X = normal(random)
    return X, coin(random, X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3]), {}


def heavy_tails(random):
    X = normal(random).astype(np.float64)
    return np.sign(X) * np.expm1(9 * np.abs(X)), coin(random, signal(X)), {}


def rare(random):
    X = normal(random)
    return X, coin(random, signal(X) - 5), {}


def weighted(random):
    X = normal(random)
    return X, coin(random, signal(X)), {"sample_weight": np.exp(4 * random.standard_normal(ROWS))}


def missing(random):
    X = normal(random)
    y = coin(random, signal(X))
    X[random.random(X.shape) < 0.5] = np.nan
    return X, y, {}


def categories(random):
    X = normal(random)
    worth = random.standard_normal((3, 200))
    z = signal(X)
    for column, levels in enumerate((3, 30, 200)):
        level = random.integers(0, levels, ROWS)
        z += worth[column, level]
        X[:, 5 + column] = level
    return X, coin(random, z), {"categorical_features": [5, 6, 7]}


def counts(random):
    X = random.poisson(random.gamma(0.5, np.geomspace(0.3, 3000, 12), (ROWS, 12)))
    return X.astype(np.float32), coin(random, signal(np.log1p(X) - 1)), {}


def amounts(random):
    X = normal(random)
    return X, np.exp(3 * signal(X)), {}


def events(random):
    X = normal(random)
    return X, random.poisson(np.exp(np.clip(2 * signal(X), -9, 9))), {}


CLASSES = [dense, products, heavy_tails, rare, weighted, missing, categories, counts]
ESTIMATORS = {
    **dict.fromkeys(CLASSES, (pn.GBDTClassifier, "logistic")),
    amounts: (pn.GBDTRegressor, "l2"),
    events: (pn.GBDTRegressor, "poisson"),
}


def fitted(make, trees=12, **options):
    X, y, fit = make(np.random.default_rng(8))
    estimator, objective = ESTIMATORS[make]
    options = {"objective": objective, "leaves": 31, **options}
    return X, estimator(trees=trees, **options).fit(X, y, **fit)


def seen_by(make, seen):
    """The kind's derivatives as a function that keeps each step's scores of the training rows."""

    def derive(y, raw):
        seen.append(raw.copy())
        if make is amounts:
            return raw - y, np.ones_like(raw)
        rate = np.exp(np.minimum(raw, 30)) if make is events else 1 / (1 + np.exp(-raw))
        return rate - y, rate * (2 if make is events else 1 - rate)

    return derive


@pytest.mark.parametrize("make", ESTIMATORS, ids=lambda make: make.__name__)
def test_a_forest_is_the_same_bits_at_any_number_of_threads(make):
    _, one = fitted(make, threads=1)
    for threads in (2, 8):
        assert_same(one, fitted(make, threads=threads)[1])


@pytest.mark.parametrize("make", ESTIMATORS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("threads", [1, 8])
def test_training_scores_are_those_of_the_forest(make, threads):
    seen = []
    objective = seen_by(make, seen)
    fitted(make, trees=9, objective=objective, threads=threads)
    # What the ninth tree was fitted to is what eight give.
    last = seen[8]
    X, eight = fitted(make, trees=8, objective=objective, threads=threads)
    assert np.array_equal(np.ravel(eight.forest_.predict_raw(X)), last)
