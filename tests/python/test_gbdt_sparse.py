"""Boosted trees on scipy.sparse: the same bits as on the dense rows, and less room."""

from __future__ import annotations

import numpy as np
import pytest

import penchant as pn
from boosted import assert_same
from penchant import _core
from penchant.errors import BadDataError, InvalidArgumentError

sparse = pytest.importorskip("scipy.sparse")


def one_hot(rows: int = 6000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three categories of 40 levels as 120 columns, one dense number, some cells missing."""
    random = np.random.default_rng(seed)
    X = np.zeros((rows, 121), dtype=np.float32)
    level = (random.random((rows, 3)) ** 2 * 40).astype(int)
    for c in range(3):
        X[np.arange(rows), 40 * c + level[:, c]] = 1
    X[:, 120] = random.standard_normal(rows)
    X[random.random(rows) < 0.01, 7] = np.nan
    z = X[:, 120] * (1 + X[:, 3]) + (level[:, 1] % 3 - 1) + np.isnan(X[:, 7])
    return X, (random.random(rows) < 1 / (1 + np.exp(-z))).astype(int)


@pytest.mark.parametrize("form", ["csr_matrix", "csc_array", "coo_array"])
def test_sparse_rows_give_the_forest_and_scores_of_dense_ones(form):
    X, y = one_hot()
    rows = getattr(sparse, form)(X)
    dense = pn.GBDTClassifier(trees=10).fit(X, y)
    fitted = pn.GBDTClassifier(trees=10).fit(rows, y)
    assert_same(fitted, dense)
    assert np.array_equal(fitted.predict_raw(rows), dense.predict_raw(X))
    assert np.array_equal(fitted.predict_proba(rows), dense.predict_proba(X))
    assert np.array_equal(fitted.shap_values(rows.tocsr()[:20]), dense.shap_values(X[:20]))


def test_sparse_rows_are_watched_and_started_from():
    X, y = one_hot()
    rows = sparse.csr_array(X)
    options = {"trees": 12, "early_stopping": 3}
    dense = pn.GBDTClassifier(**options).fit(X[:4000], y[:4000], eval_set=(X[4000:], y[4000:]))
    fitted = pn.GBDTClassifier(**options).fit(
        rows[:4000], y[:4000], eval_set=(rows[4000:], y[4000:])
    )
    assert np.array_equal(fitted.eval_losses_, dense.eval_losses_)
    more = pn.GBDTClassifier(trees=3).fit(rows, y, init_model=fitted)
    assert_same(more, pn.GBDTClassifier(trees=3).fit(X, y, init_model=dense))


def test_features_that_never_meet_share_columns():
    X, _ = one_hot()
    options = {"weights": None, "bins": 255, "categorical": [], "seed": 0, "threads": 1}
    binned = _core.BinnedRows(X, **options)
    # Three categories, of which one has a column for what is missing beside; and the number.
    assert binned.columns <= 6


def test_what_is_wrong_with_sparse_rows_is_said():
    X, y = one_hot(200)
    rows = sparse.csr_array(X)
    X[150, 33] = np.inf
    with pytest.raises(BadDataError, match="row 150, column 33"):
        pn.GBDTClassifier(trees=2).fit(sparse.csr_array(X), y)
    model = pn.GBDTClassifier(trees=2).fit(rows, y)
    with pytest.raises(InvalidArgumentError, match="expecting 121 features"):
        model.predict(rows[:, :5])
    with pytest.raises(InvalidArgumentError, match="column 9 of 3"):
        _core.BinnedRows(
            np.array([0, 1]), np.array([9], np.int32), np.ones(1, np.float32), 3,
            weights=None, bins=255, categorical=[], seed=0, threads=1,
        )  # fmt: skip
