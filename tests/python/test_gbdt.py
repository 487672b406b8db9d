"""Boosted trees in Python: manners, inputs, quality, determinism."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import penchant as pn
from penchant.ranking._gbdt import finite_targets


class RankerOfOneQuery(pn.GBDTRanker):
    """A ranker as scikit-learn's checks can fit it, which know no queries: all rows are one."""

    def fit(self, X, y=None, sample_weight=None):
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        values = finite_targets(y, "GBDTRanker")
        labels = (
            np.digitize(values, np.quantile(values, [0.25, 0.5, 0.75])) if len(values) else values
        )
        return super().fit(X, labels, group=np.zeros(len(labels)), sample_weight=sample_weight)


# Of the ranker, checks of classifiers and regressors do not apply: it is neither.
ESTIMATORS = [
    pn.GBDTClassifier(trees=20),
    pn.GBDTRegressor(trees=40),
    RankerOfOneQuery(trees=20),
]


def _expected(estimator):
    """Checks that can't apply."""
    del estimator
    return {
        # Gradients are rounded by lot, a number a row: a row of weight 2 is not two rows.
        "check_sample_weight_equivalence_on_dense_data": "rounding is stochastic, a lot a row",
        "check_sample_weight_equivalence_on_sparse_data": "rounding is stochastic, a lot a row",
    }


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=_expected)
def test_manners_of_scikit_learn(estimator, check):
    check(estimator)


def made(n=4000, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, 8))
    X[random.random(X.shape) < 0.1] = np.nan
    filled = np.nan_to_num(X)
    z = filled[:, 0] * 2 + np.sin(3 * filled[:, 1]) + filled[:, 2] * filled[:, 0]
    return X, z, (random.random(n) < 1 / (1 + np.exp(-z))).astype(int)


def test_is_as_good_as_scikit_learn():
    X, z, y = made(6000)
    X_test, z_test, y_test = made(6000, seed=1)
    ours = pn.GBDTClassifier(trees=60, leaves=31, seed=1).fit(X, y)
    theirs = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=31, early_stopping=False
    ).fit(X, y)
    p, q = ours.predict_proba(X_test), theirs.predict_proba(X_test)
    assert log_loss(y_test, p) < log_loss(y_test, q) + 0.005
    assert roc_auc_score(y_test, p[:, 1]) > roc_auc_score(y_test, q[:, 1]) - 0.003
    ours = pn.GBDTRegressor(trees=60, leaves=31).fit(X, z)
    theirs = HistGradientBoostingRegressor(
        max_iter=60, max_leaf_nodes=31, early_stopping=False
    ).fit(X, z)
    assert ours.score(X_test, z_test) > theirs.score(X_test, z_test) - 0.005


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_are_the_same_bits_at_any_number_of_threads(dtype):
    X, _, y = made(60_000)
    X = X.astype(dtype)
    raw = [
        pn.GBDTClassifier(trees=5, row_fraction=0.7, feature_fraction=0.6, threads=threads)
        .fit(X, y)
        .predict_raw(X)
        for threads in (1, 2, 8)
    ]
    assert np.array_equal(raw[0], raw[1])
    assert np.array_equal(raw[0], raw[2])


def test_classes_of_any_kind_and_number():
    X, _, y = made(3000)
    names = np.array(["no", "yes"])[y]
    model = pn.GBDTClassifier(trees=10).fit(X, names)
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(X)) == {"no", "yes"}
    three = np.where(np.nan_to_num(X[:, 3]) > 1, 7, y)
    model = pn.GBDTClassifier(trees=15).fit(X, three)
    p = model.predict_proba(X)
    assert p.shape == (3000, 3)
    assert np.allclose(p.sum(axis=1), 1)
    assert model.score(X, three) > 0.85


def test_frames_of_any_kind_with_categories_learned_and_unseen():
    random = np.random.default_rng(3)
    colour = random.choice(["red", "green", "blue", "grey"], 3000)
    size = random.standard_normal(3000)
    y = ((colour == "red") | (colour == "blue")).astype(int) ^ (random.random(3000) < 0.05)
    columns = {"colour": colour, "size": size}
    frames = [pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)]
    raw = [pn.GBDTClassifier(trees=10).fit(frame, y).predict_raw(frame) for frame in frames]
    assert np.array_equal(raw[0], raw[1])
    assert np.array_equal(raw[0], raw[2])
    model = pn.GBDTClassifier(trees=10).fit(frames[0], y)
    assert model.score(frames[0], y) > 0.93
    assert model.feature_names_in_.tolist() == ["colour", "size"]
    odd = pd.DataFrame({"colour": ["mauve", None, "red"], "size": [0.0, 0.0, 0.0]})
    scores = model.predict_raw(odd)
    assert np.isfinite(scores).all()
    assert scores[2] > 1
    # An unseen category goes right at every split, as a number that is no category does.
    codes = model._columns.matrix(odd)
    assert codes[0, 0] == -1
    assert np.isnan(codes[1, 0])
    mixed = pd.DataFrame({"colour": pd.Categorical(colour), "size": size})
    assert np.array_equal(pn.GBDTClassifier(trees=10).fit(mixed, y).predict_raw(mixed), raw[0])


def test_numbers_can_name_categories():
    random = np.random.default_rng(3)
    X = np.column_stack([random.integers(0, 40, 8000), random.standard_normal(8000)])
    y = (X[:, 0] % 2) + 0.1 * random.standard_normal(8000)
    few = {"trees": 3, "leaves": 4, "learning_rate": 0.9}
    as_number = pn.GBDTRegressor(**few).fit(X, y).score(X, y)
    as_category = pn.GBDTRegressor(**few).fit(X, y, categorical_features=[0]).score(X, y)
    assert as_category > 0.9 > 0.5 > as_number


def test_what_is_missing_is_a_value():
    random = np.random.default_rng(2)
    X = random.standard_normal((4000, 3))
    X[random.random(4000) < 0.4, 1] = np.nan
    y = np.isnan(X[:, 1]).astype(int)
    model = pn.GBDTClassifier(trees=10, learning_rate=0.5).fit(X, y)
    assert model.score(X, y) == 1
    assert model.feature_importances_[1] > 0.99


def test_infinity_is_refused_by_name():
    X, _, y = made(500)
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(8)])
    frame.loc[17, "f3"] = np.inf
    with pytest.raises(pn.errors.BadDataError, match=r"row 17, column 'f3'"):
        pn.GBDTClassifier(trees=2).fit(frame, y)
    model = pn.GBDTClassifier(trees=2).fit(X, y)
    with pytest.raises(pn.errors.BadDataError, match="row 17, column 3"):
        model.predict(frame.to_numpy())


def test_stops_early_and_keeps_the_best():
    X, _, y = made(2000)
    X_test, _, y_test = made(2000, seed=1)
    model = pn.GBDTClassifier(trees=500, learning_rate=0.3, early_stopping=10)
    model.fit(X, y, eval_set=(X_test, y_test))
    assert len(model.eval_losses_) == model.best_iteration_ + 10 < 500
    assert model.forest_.num_trees == model.best_iteration_
    best = log_loss(y_test, model.predict_proba(X_test))
    assert best == pytest.approx(model.eval_losses_.min(), rel=1e-9)
    with pytest.raises(pn.errors.InvalidArgumentError, match="eval_set"):
        model.fit(X, y)


def test_weights_and_classes_shift_what_is_learned():
    X, _, y = made(4000)
    plain = pn.GBDTClassifier(trees=10).fit(X, y).predict_proba(X)[:, 1].mean()
    weighted = pn.GBDTClassifier(trees=10).fit(X, y, sample_weight=1 + 4 * y)
    assert weighted.predict_proba(X)[:, 1].mean() > plain + 0.15
    by_class = pn.GBDTClassifier(trees=10, class_weight={1: 5.0}).fit(X, y)
    assert np.array_equal(by_class.predict_raw(X), weighted.predict_raw(X))


@pytest.mark.parametrize("objective", ["l2", "l1", "huber", "quantile", "poisson"])
def test_objectives_of_numbers(objective):
    random = np.random.default_rng(4)
    X = random.uniform(-1, 1, (6000, 3))
    rate = np.exp(1 + X[:, 0])
    y = random.poisson(rate).astype(float)
    model = pn.GBDTRegressor(trees=60, leaves=8, objective=objective, quantile=0.8).fit(X, y)
    predicted = model.predict(X)
    if objective == "quantile":
        assert np.mean(y <= predicted) == pytest.approx(0.8, abs=0.08)
    else:
        assert np.corrcoef(predicted, rate)[0, 1] > 0.9
        assert predicted.mean() == pytest.approx(rate.mean(), rel=0.12)
    if objective == "poisson":
        assert predicted.min() > 0


def ranked(n_queries=200, size=15, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n_queries * size, 6))
    good = X[:, 0] + 0.5 * X[:, 1] ** 2 + 0.3 * random.standard_normal(len(X))
    y = np.digitize(good, [0.3, 1.0, 1.8])
    return X, y, np.repeat(np.arange(n_queries), size)


@pytest.mark.parametrize("objective", ["lambdamart", "xendcg", "pairwise"])
def test_ranks_better_than_chance(objective):
    X, y, group = ranked()
    held = ranked(seed=1)
    model = pn.GBDTRanker(trees=40, leaves=15, objective=objective, ndcg_at=5)
    model.fit(X, y, group=group, eval_set=held)
    assert model.eval_losses_[-1] < -0.85
    scores = model.predict(held[0])
    gains = 2.0 ** held[1] - 1
    discount = 1 / np.log2(np.arange(2, 7))
    values = []
    for q in np.unique(held[2]):
        mine = held[2] == q
        ideal = np.sort(gains[mine])[::-1][:5] @ discount
        if ideal > 0:
            order = np.argsort(-scores[mine], kind="stable")[:5]
            values.append(gains[mine][order] @ discount / ideal)
    assert np.mean(values) == pytest.approx(-model.eval_losses_[-1], abs=1e-9)


def test_a_query_s_rows_must_be_adjacent():
    X, y, group = ranked(4)
    with pytest.raises(pn.errors.InvalidArgumentError, match="adjacent"):
        pn.GBDTRanker(trees=2).fit(X, y, group=np.roll(group, 1))
    with pytest.raises(pn.errors.InvalidArgumentError, match="query of each row"):
        pn.GBDTRanker(trees=2).fit(X, y, group=group[1:])


def test_monotone_by_name_or_number():
    X, z, _ = made(3000)
    X = np.nan_to_num(X)
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(8)])
    models = [
        pn.GBDTRegressor(trees=30).fit(frame, z, monotone={"f1": 1}),
        pn.GBDTRegressor(trees=30).fit(X, z, monotone={1: 1}),
        pn.GBDTRegressor(trees=30).fit(X, z, monotone=[0, 1, 0, 0, 0, 0, 0, 0]),
    ]
    raw = [m.predict_raw(X) for m in models]
    assert np.array_equal(raw[0], raw[1])
    assert np.array_equal(raw[0], raw[2])
    line = np.repeat(X[:1], 200, axis=0)
    line[:, 1] = np.linspace(-3, 3, 200)
    assert (np.diff(models[0].predict(line)) >= -1e-12).all()


def test_depth_and_growth():
    X, _, y = made(4000)
    shallow = pn.GBDTClassifier(trees=5, leaves=64, max_depth=3).fit(X, y)
    assert shallow.forest_.num_leaves <= 5 * 8
    wide = pn.GBDTClassifier(trees=5, leaves=16, growth="depth").fit(X, y)
    assert wide.score(X, y) > 0.7


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"trees": 0}, "trees must be 1"),
        ({"trees": 1.5}, "trees must be an integer"),
        ({"leaves": 1}, "leaves must be 2"),
        ({"bins": 256}, "bins must be 2 to 255"),
        ({"learning_rate": 0}, "learning_rate must be positive"),
        ({"row_fraction": 0}, "row_fraction"),
        ({"feature_fraction": 1.5}, "feature_fraction"),
        ({"l2": -1}, "must not be negative"),
        ({"min_leaf_samples": 0}, "min_leaf_samples"),
        ({"objective": "l2"}, "objective must be one of"),
        ({"growth": "up"}, "growth must be"),
        ({"max_depth": 0}, "max_depth must be"),
        ({"threads": 0}, "threads must be"),
        ({"class_weight": "odd"}, "class_weight must"),
    ],
)
def test_parameters_are_checked(parameters, message):
    X, _, y = made(100)
    with pytest.raises(pn.errors.InvalidArgumentError, match=message):
        pn.GBDTClassifier(**parameters).fit(X, y)


def test_pickles_and_keeps_its_bits():
    X, _, y = made(1000)
    model = pn.GBDTClassifier(trees=5).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_raw(X), model.predict_raw(X))
    assert again.get_params() == model.get_params()
