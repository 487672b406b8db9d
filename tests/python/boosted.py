"""What the tests of boosted trees are fitted to, and how two forests are compared."""

from __future__ import annotations

import numpy as np


def made(n=3000, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, 6))
    z = 1.5 * X[:, 0] + np.sin(3 * X[:, 1]) + X[:, 2] * X[:, 3]
    return X, z + 0.5 * random.standard_normal(n), (random.random(n) < 1 / (1 + np.exp(-z))) * 1


def squared(y, raw):
    return raw - y, np.ones_like(raw)


def same_trees(a, b):
    a, b = a.forest_.to_arrays(), b.forest_.to_arrays()
    return all(np.array_equal(a[k], b[k]) for k in ("feature", "threshold", "leaves", "left"))


def grown(model):
    return {name: v for name, v in model.forest_.to_arrays().items() if name != "feature_names"}


def assert_same(a, b):
    for name, values in grown(a).items():
        assert np.array_equal(values, grown(b)[name]), name
