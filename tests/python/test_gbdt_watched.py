"""Losses and metrics of boosted trees: one's own, and those with names."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    ndcg_score,
    roc_auc_score,
    root_mean_squared_error,
)

import penchant as pn
from boosted import made, same_trees, squared
from penchant.errors import BadDataError, InvalidArgumentError


def logistic(y, raw):
    p = 1 / (1 + np.exp(-raw))
    return p - y, p * (1 - p)


def test_an_objective_of_one_s_own_equals_ours():
    X, z, y = made()
    # Targets of mean 0, so that both start at 0: then the arithmetic is the same, to the bit.
    z = np.round(z * 64) / 64
    z[0] -= z.sum()
    assert z.astype(np.float32).astype(float).sum() == 0
    ours = pn.GBDTRegressor(trees=20).fit(X, z)
    custom = pn.GBDTRegressor(trees=20, objective=squared).fit(X, z)
    assert np.array_equal(custom.predict(X), ours.predict(X))
    # Float32 exponentials differ in their last bit, and with them some roundings.
    X, _, y = made(12_000)
    X_new, _, y_new = made(12_000, 1)
    p = pn.GBDTClassifier(trees=30).fit(X, y).predict_proba(X_new)[:, 1]
    model = pn.GBDTClassifier(trees=30, objective=logistic).fit(X, y)
    q = model.predict_proba(X_new)
    assert q.shape == (12_000, 2)
    assert np.allclose(q[:, 1], 1 / (1 + np.exp(-model.predict_raw(X_new))))
    assert roc_auc_score(y_new, q[:, 1]) == pytest.approx(roc_auc_score(y_new, p), abs=0.002)
    assert log_loss(y_new, q) == pytest.approx(log_loss(y_new, p), abs=0.003)


def test_objectives_take_weights_and_queries():
    X, z, _ = made()
    weight = np.random.default_rng(4).integers(1, 4, len(X)).astype(float)
    two = pn.GBDTRegressor(trees=5, objective=squared).fit(X, z, sample_weight=weight)
    seen = []

    def three(y, raw, w):
        seen.append(w)
        return (raw - y) * w, np.ones_like(raw) * w

    assert same_trees(
        pn.GBDTRegressor(trees=5, objective=three).fit(X, z, sample_weight=weight), two
    )
    assert np.array_equal(seen[0], weight)
    group = np.repeat(np.arange(300), 10)

    def four(y, raw, w, queries):
        assert w is None
        assert np.array_equal(queries, group)
        return squared(y, raw)

    y = (z > 1).astype(int)
    ranker = pn.GBDTRanker(trees=10, objective=four).fit(X, y, group=group)
    assert np.corrcoef(ranker.predict(X), y)[0, 1] > 0.6


def test_objectives_of_several_classes():
    X, z, _ = made()
    y = np.digitize(z, [-1, 1])

    def softmax(y, raw):
        p = np.exp(raw - raw.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p - np.eye(3)[y], 1.5 * p * (1 - p)

    ours = pn.GBDTClassifier(trees=10).fit(X, y)
    custom = pn.GBDTClassifier(trees=10, objective=softmax).fit(X, y)
    assert np.allclose(custom.predict_proba(X).sum(axis=1), 1)
    assert custom.score(X, y) == pytest.approx(ours.score(X, y), abs=0.02)


@pytest.mark.parametrize(
    ("objective", "error", "message"),
    [
        (lambda y, raw: raw - y, InvalidArgumentError, "must return .gradient, hessian."),
        (lambda y, raw: (raw[1:], raw[1:]), InvalidArgumentError, r"shape of raw, \(200,\)"),
        (lambda y, raw: (raw - y, y - 9.0), BadDataError, "hessian, row 0: negative"),
        (lambda y, raw: (raw / 0, y * 0 + 1), BadDataError, "gradient, row 0: NaN"),
        (lambda y: (y, y), InvalidArgumentError, "must take"),
        (lambda a, b, c, d, e: (a, b), InvalidArgumentError, "must take"),
    ],
)
def test_what_an_objective_returns_is_checked(objective, error, message):
    X, z, _ = made(200)
    with np.errstate(all="ignore"), pytest.raises(error, match=message):
        pn.GBDTRegressor(trees=2, objective=objective).fit(X, z)


def test_errors_and_interrupts_of_one_s_own_functions_come_through():
    X, z, _ = made(500)
    calls = []

    def failing(y, raw):
        calls.append(1)
        if len(calls) == 3:
            raise ZeroDivisionError("the third")
        return squared(y, raw)

    with pytest.raises(ZeroDivisionError, match="the third"):
        pn.GBDTRegressor(trees=50, objective=failing).fit(X, z)
    assert len(calls) == 3

    def interrupted(y, prediction):
        os.kill(os.getpid(), signal.SIGINT)
        return 0.0

    # What a shell starts in the background inherits that interrupts are ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            pn.GBDTRegressor(trees=50, eval_metric=interrupted).fit(X, z, eval_set=(X, z))
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("auc", lambda y, p: -roc_auc_score(y, p)),
        ("log_loss", log_loss),
        ("accuracy", lambda y, p: -accuracy_score(y, p > 0.5)),
    ],
)
def test_metrics_of_classes_are_scikit_learn_s(name, theirs):
    X, _, y = made()
    X_new, _, y_new = made(1000, 1)
    model = pn.GBDTClassifier(trees=200, learning_rate=0.3, early_stopping=10, eval_metric=name)
    model.fit(X, y, eval_set=(X_new, y_new))
    assert model.loss_name_ == (name if name == "log_loss" else f"minus_{name}")
    assert len(model.eval_losses_) == model.best_iteration_ + 10 < 200
    found = theirs(y_new, model.predict_proba(X_new)[:, 1])
    assert model.eval_losses_.min() == pytest.approx(found, abs=1e-9)
    assert model.eval_losses_.argmin() == model.best_iteration_ - 1


def test_metrics_of_numbers_are_scikit_learn_s():
    X, z, _ = made()
    X_new, z_new, _ = made(1000, 1)
    for name, theirs in {
        "mse": mean_squared_error,
        "rmse": root_mean_squared_error,
        "mae": mean_absolute_error,
    }.items():
        model = pn.GBDTRegressor(trees=20, eval_metric=name).fit(X, z, eval_set=(X_new, z_new))
        assert model.loss_name_ == name
        found = theirs(z_new.astype(np.float32), model.predict(X_new))
        assert model.eval_losses_[-1] == pytest.approx(found, rel=1e-9)


def test_metrics_within_queries():
    X, z, _ = made()
    y, group = np.digitize(z, [0, 1.5, 3]), np.repeat(np.arange(300), 10)
    held = (X, y, group)
    seen = {}
    for name in ("ndcg@3", "map@5", "mrr", "ndcg"):
        model = pn.GBDTRanker(trees=5, ndcg_at=4, eval_metric=name).fit(
            X, y, group=group, eval_set=held
        )
        seen[model.loss_name_] = model.eval_losses_[-1]
    assert list(seen) == ["minus_ndcg@3", "minus_map@5", "minus_mrr@4", "minus_ndcg@4"]
    # Gains of ndcg are 2^label - 1; scikit-learn takes them as they are given.
    scores = model.predict(X).reshape(300, 10)
    gains = 2.0 ** y.reshape(300, 10) - 1
    some = gains.sum(axis=1) > 0
    assert -seen["minus_ndcg@3"] == pytest.approx(
        ndcg_score(gains[some], scores[some], k=3, ignore_ties=True), abs=1e-9
    )


def test_a_metric_of_one_s_own_decides_when_to_stop():
    X, _, y = made()
    X_new, _, y_new = made(1000, 1)

    def brier(y, prediction):
        assert set(np.unique(y)) == {0, 1}
        return float(np.mean((prediction - y) ** 2))

    def area(y, prediction):
        return "area", roc_auc_score(y, prediction), True

    params = {"trees": 300, "learning_rate": 0.3, "early_stopping": 10}
    names = np.array(["no", "yes"])
    model = pn.GBDTClassifier(**params, eval_metric=brier)
    model.fit(X, names[y], eval_set=(X_new, names[y_new]))
    assert model.loss_name_ == "brier"
    assert model.eval_losses_.min() == pytest.approx(
        brier(y_new, model.predict_proba(X_new)[:, 1]), abs=1e-12
    )
    assert len(model.eval_losses_) == model.best_iteration_ + 10
    model = pn.GBDTClassifier(**params, eval_metric=area).fit(X, y, eval_set=(X_new, y_new))
    built_in = pn.GBDTClassifier(**params, eval_metric="auc").fit(X, y, eval_set=(X_new, y_new))
    assert model.loss_name_ == "minus_area"
    assert np.allclose(model.eval_losses_, built_in.eval_losses_, atol=1e-12)
    assert model.best_iteration_ == built_in.best_iteration_
    # Three classes: predictions are [n, 3]. A custom objective can be watched as well.
    three = np.digitize(X[:, 0], [-0.5, 0.5])
    model = pn.GBDTClassifier(trees=3, eval_metric=lambda y, p: log_loss(y, p))
    model.fit(X, three, eval_set=(X, three))
    assert model.eval_losses_[-1] == pytest.approx(log_loss(three, model.predict_proba(X)))
    own = pn.GBDTClassifier(trees=3, objective=logistic, eval_metric="log_loss")
    own.fit(X, y, eval_set=(X, y))
    assert own.eval_losses_[-1] == pytest.approx(log_loss(y, own.predict_proba(X)))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"eval_metric": "rmse"}, "of numbers, not of classes"),
        ({"eval_metric": "ndcg@3"}, "give group"),
        ({"eval_metric": "f1"}, "no metric 'f1'; there are"),
        ({"eval_metric": 7}, "eval_metric must"),
        ({"eval_metric": lambda y, p: "low"}, "must return a number"),
        ({"eval_metric": lambda y, p: (1, 2)}, "not 2 values"),
        ({"objective": logistic}, "needs eval_metric"),
    ],
)
def test_metrics_are_checked(parameters, message):
    X, _, y = made(200)
    with pytest.raises(InvalidArgumentError, match=message):
        pn.GBDTClassifier(trees=2, **parameters).fit(X, y, eval_set=(X, y))
    with pytest.raises(BadDataError, match="eval_metric returned nan"):
        pn.GBDTRegressor(trees=2, eval_metric=lambda y, p: np.nan).fit(X, y, eval_set=(X, y))
