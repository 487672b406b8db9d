"""Calibration of boosted trees: fits, cross-fitting, keeping, measures, plot."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.utils.estimator_checks import parametrize_with_checks

import penchant as pn
from penchant.ranking import Calibrated, Calibration, Forest, plot_reliability, reliability


def _expected(estimator):
    del estimator
    return {
        # Gradients are rounded by lot, a number a row, and parts are drawn by lot.
        "check_sample_weight_equivalence_on_dense_data": "rounding is stochastic, a lot a row",
        "check_sample_weight_equivalence_on_sparse_data": "rounding is stochastic, a lot a row",
    }


@parametrize_with_checks(
    [Calibrated(pn.GBDTClassifier(trees=10), cv=2, method="sigmoid")],
    expected_failed_checks=_expected,
)
def test_manners_of_scikit_learn(estimator, check):
    check(estimator)


def scored(n=3000, seed=0):
    random = np.random.default_rng(seed)
    scores = np.round(random.standard_normal(n) * 2, 2)
    y = (random.random(n) < 1 / (1 + np.exp(-(0.4 * scores**3 + 0.3)))).astype(int)
    return scores, y, random.integers(0, 4, n) / 2


def made(n=4000, classes=2, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, 6))
    z = np.stack([2 * X[:, 0] * X[:, 1], X[:, 2] + 0.3, X[:, 3] ** 2 - 1], axis=1)
    if classes == 2:
        return X, (random.random(n) < 1 / (1 + np.exp(-z[:, 0]))).astype(int)
    return X, (z + random.gumbel(size=z.shape)).argmax(axis=1)


@pytest.mark.parametrize("weighted", [False, True])
def test_isotonic_is_scikit_learns(weighted):
    scores, y, weight = scored()
    given = weight if weighted else None
    ours = Calibration.fit(scores, y, sample_weight=given)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, y, sample_weight=given)
    asked = np.linspace(-9, 9, 4001)
    np.testing.assert_allclose(ours.predict(asked), theirs.predict(asked), rtol=0, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0])
def test_sigmoid_is_scikit_learns(weighted, scale):
    scores, y, weight = scored()
    scores = scores * scale
    given = weight if weighted else None
    ours = Calibration.fit(scores, y, method="sigmoid", sample_weight=given)
    theirs = _SigmoidCalibration().fit(scores, y, sample_weight=given)
    p = ours.predict(scores)
    np.testing.assert_allclose(p, theirs.predict(scores), rtol=0, atol=1e-5)

    def loss(q):
        right = (y * (np.ones(len(y)) if given is None else given)).sum()
        wrong = ((1 - y) * (np.ones(len(y)) if given is None else given)).sum()
        target = np.where(y == 1, (right + 1) / (right + 2), 1 / (wrong + 2))
        return -np.average(target * np.log(q) + (1 - target) * np.log1p(-q), weights=given)

    assert loss(p) <= loss(theirs.predict(scores)) + 1e-15


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
@pytest.mark.parametrize("classes", [2, 3])
def test_calibrates_trees_that_are_too_sure(method, classes):
    X, y = made(classes=classes)
    X_new, y_new = made(20_000, classes, seed=1)
    trees = pn.GBDTClassifier(trees=200, leaves=31, learning_rate=0.2, min_leaf_samples=5)
    plain = trees.fit(X, y).predict_proba(X_new)
    model = Calibrated(trees, method).fit(X, y)
    p = model.predict_proba(X_new)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    for k in range(classes):
        before, after = (reliability(y_new == k, q[:, k]) for q in (plain, p))
        assert after.expected_error < before.expected_error / 3
        assert after.brier < before.brier
    clipped = np.clip(p, 1e-6, 1)
    clipped /= clipped.sum(axis=1, keepdims=True)
    assert log_loss(y_new, clipped) < log_loss(y_new, plain)
    assert (model.predict(X_new) == model.classes_[p.argmax(axis=1)]).all()
    assert model.score(X_new, y_new) == (model.predict(X_new) == y_new).mean()


def test_cross_fitting_scores_each_row_by_trees_that_have_not_seen_it():
    # Labels that nothing explains: trees that saw a row are sure of it, others are not.
    random = np.random.default_rng(0)
    X, y = random.standard_normal((600, 4)), random.integers(0, 2, 600)
    trees = pn.GBDTClassifier(trees=100, leaves=31, min_leaf_samples=2)
    seen = Calibrated(trees.fit(X, y), "sigmoid", cv="prefit").fit(X, y)
    crossed = Calibrated(trees, "sigmoid", cv=3).fit(X, y)
    new = random.standard_normal((600, 4))
    assert np.ptp(crossed.predict_proba(new)[:, 1]) < 0.3 < np.ptp(seen.predict_proba(new)[:, 1])


def test_prefit_keeps_the_estimator_and_learns_from_new_rows():
    X, y = made()
    trees = pn.GBDTClassifier(trees=50).fit(X[:2000], y[:2000])
    model = Calibrated(trees, cv="prefit").fit(X[2000:], y[2000:])
    assert model.estimator_ is trees
    expected = Calibration.fit(trees.predict_raw(X[2000:]), y[2000:])
    np.testing.assert_array_equal(
        model.predict_proba(X)[:, 1], expected.predict(trees.predict_raw(X))
    )
    forest = Calibrated(trees.forest_, cv="prefit").fit(X[2000:], np.array(["a", "b"])[y[2000:]])
    np.testing.assert_array_equal(forest.predict_proba(X), model.predict_proba(X))
    assert forest.classes_.tolist() == ["a", "b"]
    with pytest.raises(pn.errors.InvalidArgumentError, match="cv='prefit'"):
        Calibrated(trees.forest_).fit(X, y)
    with pytest.raises(pn.errors.InvalidArgumentError, match="the class 7"):
        Calibrated(trees, cv="prefit").fit(X[:3], [0, 1, 7])
    with pytest.raises(pn.errors.NotFittedError):
        Calibrated(pn.GBDTClassifier(), cv="prefit").fit(X, y)


def test_rankers_give_probabilities_of_relevance():
    random = np.random.default_rng(3)
    X = random.standard_normal((6000, 5))
    group = np.repeat(np.arange(300), 20)
    z = 1.5 * X[:, 0] + X[:, 1] * X[:, 2] - 1
    y = random.binomial(3, 1 / (1 + np.exp(-z)))
    half = 3000
    model = Calibrated(pn.GBDTRanker(trees=30, leaves=15), relevant=2, cv=4)
    model.fit(X[:half], y[:half], group=group[:half])
    p = model.predict_proba(X[half:])[:, 1]
    assert reliability(y[half:] >= 2, p).expected_error < 0.04
    scores = model.estimator_.predict(X)
    np.testing.assert_array_equal(model.predict(X), scores)
    order = np.argsort(scores)
    assert (np.diff(model.predict_proba(X)[order, 1]) >= 0).all()
    with pytest.raises(pn.errors.InvalidArgumentError, match="1 queries"):
        Calibrated(pn.GBDTRanker(trees=2)).fit(X[:20], y[:20], group=group[:20])


def test_parts_have_whole_queries_and_the_same_shares_of_classes():
    model = Calibrated(pn.GBDTClassifier(), cv=4)
    codes = (np.arange(1000) % 10 == 0).astype(np.int32)
    part = model._parts(codes, None)
    assert np.bincount(part, codes).tolist() == [25] * 4
    assert np.bincount(part).tolist() == [250] * 4
    group = np.repeat(np.arange(40), 7)
    part = Calibrated(pn.GBDTRanker(), cv=4)._parts(np.zeros(280, np.int32), group)
    assert (np.ptp(part.reshape(40, 7), axis=1) == 0).all()
    assert np.bincount(part).tolist() == [70] * 4


def test_frames_weights_and_fit_parameters_reach_the_trees():
    X, y = made(800)
    words = np.array(["red", "green", "blue"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
    frame = pd.DataFrame({"word": words, "x": X[:, 2]})
    model = Calibrated(pn.GBDTClassifier(trees=10), "sigmoid", cv=2)
    p = model.fit(frame, y, monotone={"x": 1}).predict_proba(frame)
    q = model.fit(pl.from_pandas(frame), y, monotone={"x": 1}).predict_proba(frame)
    np.testing.assert_array_equal(p, q)
    assert model.feature_names_in_.tolist() == ["word", "x"]
    weight = np.where(y == 1, 3.0, 1.0)
    heavy = model.fit(frame, y, sample_weight=weight).predict_proba(frame)
    assert heavy[:, 1].mean() > p[:, 1].mean() + 0.1
    with pytest.raises(pn.errors.InvalidArgumentError, match="sample_weight must be"):
        model.fit(frame, y, sample_weight=weight[:3])


def test_a_calibrated_forest_is_kept_and_serves_the_same_bits(tmp_path):
    for classes in (2, 3):
        X, y = made(1500, classes)
        model = Calibrated(pn.GBDTClassifier(trees=20), cv=3).fit(X, y)
        forest = model.forest_
        p = model.predict_proba(X)
        expected = p[:, 1] if classes == 2 else p
        np.testing.assert_array_equal(forest.predict(X), expected)
        forest.save(tmp_path / "f")
        for kept in (
            Forest.load(tmp_path / "f"),
            Forest.from_bytes(forest.to_bytes()),
            pickle.loads(pickle.dumps(forest)),
        ):
            np.testing.assert_array_equal(kept.predict(X, threads=2), expected)
            np.testing.assert_array_equal(kept.predict_raw(X), model.predict_raw(X))
            assert kept.to_bytes() == forest.to_bytes()
            assert "calibrated" in repr(kept)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), p)
        plain = forest.with_calibration(None)
        assert plain.calibration is None
        np.testing.assert_array_equal(plain.predict(X), model.estimator_.forest_.predict(X))
    with pytest.raises(pn.errors.InvalidArgumentError, match="1 outputs, the forest 3"):
        forest.with_calibration(Calibration.fit([0.0, 1.0], [0, 1]))


def test_parameters_and_errors():
    model = Calibrated(pn.GBDTClassifier(trees=7), "sigmoid")
    assert model.get_params()["estimator__trees"] == 7
    model.set_params(estimator__trees=9, cv=3)
    assert (model.estimator.trees, model.cv) == (9, 3)
    assert repr(clone(model)) == repr(model)
    assert repr(model) == "Calibrated(estimator=GBDTClassifier(trees=9), method='sigmoid', cv=3)"
    X, y = made(100)
    for wrong in ({"method": "beta"}, {"cv": 1}, {"cv": "all"}, {"seed": -1}, {"relevant": "2"}):
        with pytest.raises(pn.errors.InvalidArgumentError, match=next(iter(wrong))):
            Calibrated(pn.GBDTClassifier(), **wrong).fit(X, y)
    with pytest.raises(pn.errors.InvalidArgumentError, match="estimator must be"):
        Calibrated(IsotonicRegression()).fit(X, y)
    with pytest.raises(pn.errors.InvalidArgumentError, match="2 rows, fewer than cv=5"):
        Calibrated(pn.GBDTClassifier()).fit(X, np.arange(100) < 2)
    for bad in (([0, 1], [0.5, 1]), ([0, 1, 2], [0, 1]), ([[[0]]], [0]), (["a"], [0])):
        with pytest.raises(pn.errors.InvalidArgumentError):
            Calibration.fit(*bad)


def test_measures():
    random = np.random.default_rng(0)
    p = np.round(random.random(5000), 3)
    y = random.random(5000) < p**2
    weight = random.random(5000)
    for given in (None, weight):
        found = reliability(y, p, bins=10, sample_weight=given)
        assert found.brier == pytest.approx(brier_score_loss(y, p, sample_weight=given))
        clipped = np.clip(p, 2.3e-16, 1 - 2.3e-16)
        assert found.log_loss == pytest.approx(log_loss(y, clipped, sample_weight=given))
        np.testing.assert_allclose(found.share, 0.1, atol=0.002)
        assert found.share.sum() == pytest.approx(1)
        error = np.abs(found.observed - found.predicted)
        assert found.expected_error == pytest.approx((found.share * error).sum())
        assert found.largest_error == pytest.approx(error.max())
        assert found.expected_error == pytest.approx(1 / 6, abs=0.01)  # of p - p^2
        assert (found.low <= found.observed).all()
        assert (found.observed < found.high).all()
        assert found.histogram.sum() == pytest.approx(1)
    # Stephenson et al. 2008, equations 6 and 7: the variance of probabilities inside the bins, less
    # twice their covariance with the truth.
    number = np.minimum((np.argsort(np.argsort(p, kind="stable")) / 500).astype(int), 9)
    found = reliability(y, p, bins=10)
    variance = covariance = 0.0
    edges = np.cumsum(np.round(found.share * 5000).astype(int))
    number = np.searchsorted(edges, np.arange(5000), side="right")
    order = np.argsort(p, kind="stable")
    for b in range(10):
        q, truth = p[order][number == b], y[order][number == b]
        variance += ((q - q.mean()) ** 2).sum() / 5000
        covariance += ((q - q.mean()) * (truth - truth.mean())).sum() / 5000
    assert found.within == pytest.approx(variance - 2 * covariance, abs=1e-12)


def test_intervals_are_wilsons():
    found = reliability([1] * 8 + [0] * 2, np.full(10, 0.7))
    assert (found.predicted, found.observed) == (pytest.approx(0.7), pytest.approx(0.8))
    # Wilson's 95 % interval of 8 of 10.
    assert (found.low[0], found.high[0]) == (
        pytest.approx(0.4902, abs=1e-4),
        pytest.approx(0.9433, abs=1e-4),
    )
    certain = reliability([1, 1, 1], [0.2, 0.2, 0.2])
    assert 0 < certain.low[0] < 1
    assert certain.high[0] == pytest.approx(1)


def test_measures_refuse_what_is_no_probability():
    for y, p, match in (
        ([0, 2], [0.1, 0.2], "y == c"),
        ([0, 1], [0.1, 1.2], "0 to 1"),
        ([0, 1], [0.1, np.nan], "0 to 1"),
        ([0, 1], [[0.1, 0.2], [0.3, 0.4]], "one class"),
    ):
        with pytest.raises(pn.errors.InvalidArgumentError, match=match):
            reliability(y, p)
    with pytest.raises(pn.errors.InvalidArgumentError, match="bins"):
        reliability([0, 1], [0.1, 0.2], bins=0)
    with pytest.raises(pn.errors.InvalidArgumentError, match="confidence"):
        reliability([0, 1], [0.1, 0.2], confidence=1)
    with pytest.raises(pn.errors.InvalidArgumentError, match="sample_weight"):
        reliability([0, 1], [0.1, 0.2], sample_weight=[0, 0])


def test_plot_shows_every_series(tmp_path):
    import matplotlib

    matplotlib.use("Agg")
    random = np.random.default_rng(0)
    p = random.random(3000)
    y = random.random(3000) < p
    ax = plot_reliability({"good": reliability(y, p), "bad": reliability(y, p**2)})
    assert [text.get_text()[:4] for text in ax.get_legend().get_texts()] == ["good", "bad:"]
    assert len(ax.containers) == 2
    ax.figure.savefig(tmp_path / "p.png")
    alone = plot_reliability(reliability(y, p))
    assert alone.get_legend().get_texts()[0].get_text().startswith("error 0.0")
