"""Options of boosted trees: each changes what it says it does."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
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
from penchant.errors import BadDataError, InvalidArgumentError

GOLDEN = Path(__file__).parents[1] / "golden" / "forests"


def shown(queries, size, seed, steepness=1.0):
    """Rows in the order of a guess that says nothing, clicked by their worth and their place."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((queries * size, 5))
    worth = X[:, 0] + 0.7 * np.sin(2 * X[:, 1]) + 0.5 * X[:, 2] * X[:, 3]
    group = np.repeat(np.arange(queries), size)
    order = np.lexsort((-X[:, 4], group))
    X, worth = X[order], worth[order]
    place = np.tile(np.arange(1, size + 1), queries)
    liked = random.random(len(X)) < 1 / (1 + np.exp(-2 * (worth - 0.7)))
    seen = random.random(len(X)) < 1.0 / place**steepness
    return X, worth, group, place, (liked & seen).astype(int)


def mean_ndcg(scores, worth, size, k=5):
    gains = 2.0 ** np.digitize(worth, [0.3, 1.0, 1.8]).reshape(-1, size) - 1
    order = np.argsort(-scores.reshape(-1, size), axis=1, kind="stable")[:, :k]
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.sort(gains, axis=1)[:, ::-1][:, :k] @ discount
    found = np.take_along_axis(gains, order, axis=1) @ discount
    return (found[ideal > 0] / ideal[ideal > 0]).mean()


@pytest.mark.parametrize("objective", ["lambdamart", "xendcg", "pairwise"])
def test_positions_explain_their_part_of_clicks(objective):
    X, _, group, place, clicked = shown(1500, 10, 0)
    X_new, worth, *_ = shown(500, 10, 1)
    model = pn.GBDTRanker(trees=40, leaves=15, objective=objective)
    without = mean_ndcg(model.fit(X, clicked, group=group).predict(X_new), worth, 10)
    assert model.position_bias_ == {}
    model.fit(X, clicked, group=group, position=place)
    assert mean_ndcg(model.predict(X_new), worth, 10) > without + 0.05
    bias = [model.position_bias_[p] for p in range(1, 11)]
    assert (np.diff(bias[:4]) < 0).all()
    # Keys of any kind, the same in every respect.
    named = pn.GBDTRanker(trees=40, leaves=15, objective=objective)
    named.fit(X, clicked, group=group, position=np.char.zfill(place.astype(str), 2))
    assert np.array_equal(named.predict(X_new), model.predict(X_new))
    assert list(named.position_bias_) == [f"{p:02}" for p in range(1, 11)]
    assert list(named.position_bias_.values()) == bias


def test_what_positions_add_can_be_held_back():
    X, _, group, place, clicked = shown(500, 10, 0)
    spread = []
    for position_l2 in (0.0, 0.1, 1e9):
        model = pn.GBDTRanker(trees=20, leaves=7, position_l2=position_l2)
        bias = model.fit(X, clicked, group=group, position=place).position_bias_
        spread.append(max(bias.values()) - min(bias.values()))
    assert spread[0] > 2 * spread[1] > 100 * spread[2]
    free = pn.GBDTRanker(trees=20, leaves=7).fit(X, clicked, group=group).predict(X)
    assert np.corrcoef(model.predict(X), free)[0, 1] > 0.98


def test_positions_are_checked():
    X, _, group, place, clicked = shown(20, 10, 0)
    model = pn.GBDTRanker(trees=2)
    with pytest.raises(InvalidArgumentError, match=r"position must be \[200\]"):
        model.fit(X, clicked, group=group, position=place[1:])
    lost = place.astype(float)
    lost[7] = np.nan
    with pytest.raises(InvalidArgumentError, match="position, row 7: NaN"):
        model.fit(X, clicked, group=group, position=lost)
    with pytest.raises(InvalidArgumentError, match="position_l2"):
        pn.GBDTRanker(trees=2, position_l2=-1.0).fit(X, clicked, group=group, position=place)


def made(n=3000, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, 6))
    z = 1.5 * X[:, 0] + np.sin(3 * X[:, 1]) + X[:, 2] * X[:, 3]
    return X, z + 0.5 * random.standard_normal(n), (random.random(n) < 1 / (1 + np.exp(-z))) * 1


def squared(y, raw):
    return raw - y, np.ones_like(raw)


def logistic(y, raw):
    p = 1 / (1 + np.exp(-raw))
    return p - y, p * (1 - p)


def same_trees(a, b):
    a, b = a.forest_.to_arrays(), b.forest_.to_arrays()
    return all(np.array_equal(a[k], b[k]) for k in ("feature", "threshold", "leaves", "left"))


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
    X_new, _, y_new = made(3000, 1)
    p = pn.GBDTClassifier(trees=30).fit(X, y).predict_proba(X_new)[:, 1]
    model = pn.GBDTClassifier(trees=30, objective=logistic).fit(X, y)
    q = model.predict_proba(X_new)
    assert q.shape == (3000, 2)
    assert np.allclose(q[:, 1], 1 / (1 + np.exp(-model.predict_raw(X_new))))
    assert roc_auc_score(y_new, q[:, 1]) == pytest.approx(roc_auc_score(y_new, p), abs=0.004)
    assert log_loss(y_new, q) == pytest.approx(log_loss(y_new, p), abs=0.01)


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

    with pytest.raises(KeyboardInterrupt):
        pn.GBDTRegressor(trees=50, eval_metric=interrupted).fit(X, z, eval_set=(X, z))


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


def grown(model):
    return {name: v for name, v in model.forest_.to_arrays().items() if name != "feature_names"}


def assert_same(a, b):
    for name, values in grown(a).items():
        assert np.array_equal(values, grown(b)[name]), name


def estimators():
    """Estimators of 12 trees, and what they are fitted to."""
    X, z, y = made(2000)
    group = np.repeat(np.arange(200), 10)
    place = {"group": group, "position": np.tile(np.arange(10), 200)}
    draws = {"row_fraction": 0.7, "feature_fraction": 0.7, "leaves": 15, "seed": 3}
    return [
        (pn.GBDTClassifier(12, **draws), X, y, {}),
        (pn.GBDTClassifier(12, **draws), X, np.digitize(z, [-1, 1]), {}),
        (pn.GBDTRegressor(12, objective="l1", **draws), X, z, {}),
        (pn.GBDTRanker(12, objective="xendcg", **draws), X, y, place),
    ]


def test_five_trees_and_seven_more_are_twelve():
    for model, X, y, more in estimators():
        held = {"eval_set": (X, y, more["group"]) if more else (X, y)}
        whole = model.fit(X, y, **more, **held)
        first = type(model)(**{**model.get_params(), "trees": 5}).fit(X, y, **more)
        rest = type(model)(**{**model.get_params(), "trees": 7})
        rest.fit(X, y, **more, **held, init_model=first)
        assert_same(rest, whole)
        assert rest.best_iteration_ == 12
        assert np.array_equal(rest.eval_losses_, whole.eval_losses_[5:])
        if more:
            assert rest.position_bias_ == whole.position_bias_
        else:
            from_forest = type(model)(**rest.get_params()).fit(X, y, init_model=first.forest_)
            assert_same(from_forest, whole)
        first.set_params(warm_start=True, trees=12).fit(X, y, **more)
        assert_same(first, whole)
        first.fit(X, y, **more)  # nothing is left to do
        assert_same(first, whole)
        with pytest.raises(InvalidArgumentError, match="12 or more"):
            first.set_params(trees=11).fit(X, y, **more)
        first.set_params(warm_start=False, trees=12).fit(X, y, **more)
        assert_same(first, whole)


def test_texts_keep_their_numbers_when_trees_follow():
    random = np.random.default_rng(0)
    shop = random.choice(["a", "b", "c", "d"], 2000)
    y = np.isin(shop, ["a", "c"]) * 2.0 + random.standard_normal(2000)
    frame = pd.DataFrame({"shop": shop, "size": random.standard_normal(2000)})
    model = pn.GBDTRegressor(trees=5, leaves=4, learning_rate=0.5)
    first = model.fit(frame, y)
    # Without "a" the rest would be numbered anew.
    some = shop != "a"
    more = pn.GBDTRegressor(**model.get_params()).fit(frame[some], y[some], init_model=first)
    assert np.abs(more.predict(frame) - first.predict(frame)).max() < 0.7
    assert more.score(frame[some], y[some]) > first.score(frame[some], y[some]) > 0.4
    with pytest.raises(InvalidArgumentError, match=r"'shop'.*by number"):
        pn.GBDTRegressor(trees=5).fit(frame, y, init_model=first.forest_)
    with pytest.raises(InvalidArgumentError, match="not the columns"):
        pn.GBDTRegressor(trees=5).fit(frame[["size", "shop"]], y, init_model=first)


def test_trees_follow_those_of_another_library():
    X = np.random.default_rng(0).standard_normal((2000, 6))
    X[::9, 1] = np.nan
    X[::5, 3] = 0.0
    z = np.nan_to_num(X[:, 1]) + X[:, 3]
    for name in ("zero_missing", "no_missing"):  # rules of missing values that ours are not
        forest = pn.ranking.import_lightgbm(GOLDEN / f"lightgbm_{name}.txt")
        y = forest.predict(X) + z
        model = pn.GBDTRegressor(trees=20, leaves=15, learning_rate=0.3)
        model.fit(X, y, init_model=forest, eval_set=(X, y))
        assert model.forest_.num_trees == forest.num_trees + 20
        before = forest.to_arrays()["leaves"]
        assert np.array_equal(model.forest_.to_arrays()["leaves"][: len(before)], before)
        assert model.score(X, y) > 0.9 > 1 - z.var() / y.var()
        # The forest that came of it scores as training did.
        error = np.mean((model.predict(X) - y.astype(np.float32)) ** 2)
        assert model.eval_losses_[-1] == pytest.approx(error, rel=1e-9)
        assert np.allclose(model.forest_.shap_values(X[:20]).sum(axis=1), model.predict(X[:20]))
    with pytest.raises(InvalidArgumentError, match="another way"):
        pn.GBDTClassifier(trees=2).fit(X, z > 0, init_model=forest)
    xgboost = pn.ranking.import_xgboost((GOLDEN / "xgboost_binary.json").read_bytes())
    y = (z > 0).astype(int)
    with pytest.raises(InvalidArgumentError, match="init_score"):
        pn.GBDTClassifier(trees=2).fit(X, y, init_model=xgboost)
    scores = xgboost.predict_raw(X)
    y = (scores + X[:, 0] > 0).astype(int)
    model = pn.GBDTClassifier(trees=20).fit(X, y, init_score=scores)
    assert np.mean((scores + model.predict_raw(X) > 0) == y) > 0.95


def test_scores_to_start_from():
    X, z, y = made()
    model = pn.GBDTRegressor(trees=10).fit(X, z)
    start = np.full(len(X), model.forest_.to_arrays()["base"][0])
    held = {"eval_set": (X, z)}
    again = pn.GBDTRegressor(trees=10, objective=squared, eval_metric="mse")
    again.fit(X, z, init_score=start, eval_init_score=start, **held)
    assert same_trees(again, model)
    model.fit(X, z, **held)
    assert np.array_equal(again.eval_losses_, model.eval_losses_)
    three = np.digitize(z, [-1, 1])
    base = pn.GBDTClassifier(trees=10).fit(X, three)
    more = pn.GBDTClassifier(trees=5).fit(X, three, init_score=base.predict_raw(X))
    both = (base.predict_raw(X) + more.predict_raw(X)).argmax(axis=1)
    assert np.mean(both == three) > base.score(X, three)
    for wrong, message in [
        ({"init_score": start[1:]}, r"init_score must have shape \(3000,\)"),
        ({"init_score": start, "eval_set": (X, z)}, "give eval_init_score"),
        ({"init_score": start, "init_model": model}, "leave init_score out"),
        ({"init_model": base}, "init_model must be a Forest or a GBDTRegressor"),
    ]:
        with pytest.raises(InvalidArgumentError, match=message):
            pn.GBDTRegressor(trees=2).fit(X, z, **wrong)
    start[7] = np.nan
    with pytest.raises(BadDataError, match="init_score, row 7"):
        pn.GBDTRegressor(trees=2).fit(X, z, init_score=start)
    with pytest.raises(InvalidArgumentError, match="class 5"):
        pn.GBDTClassifier(trees=2).fit(X, np.where(y == 0, 5, 0), init_model=base)


def paths(forest):
    """The sets of features that paths ask for."""
    a = forest.to_arrays()
    found = set()
    for first, end in zip(a["node_begin"][:-1], a["node_begin"][1:], strict=True):
        waiting = [(0, frozenset())] if end > first else []
        while waiting:
            at, path = waiting.pop()
            if at < 0:
                found.add(path)
                continue
            here = path | {int(a["feature"][first + at])}
            waiting += [(a["left"][first + at], here), (a["right"][first + at], here)]
    return found


def test_features_of_a_path_lie_within_a_group():
    X, z, _ = made()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = pn.GBDTRegressor(trees=30, leaves=15)
    free = model.fit(frame, z)
    assert any(len(path) > 3 for path in paths(free.forest_))
    model = pn.GBDTRegressor(trees=30, leaves=15)
    groups = [["a", "b"], ["b", "c", "d"]]
    model.fit(frame, z, interaction=groups)
    allowed = [frozenset({0, 1}), frozenset({1, 2, 3})]
    assert all(any(path <= group for group in allowed) for path in paths(model.forest_))
    assert allowed[0] in paths(model.forest_)
    assert any({2, 3} <= path for path in paths(model.forest_))
    by_number = pn.GBDTRegressor(trees=30, leaves=15).fit(X, z, interaction=[(0, 1), (1, 2, 3)])
    assert np.array_equal(by_number.predict(X), model.predict(frame))
    # Each by itself: a sum of functions of one feature, which c and d need more than.
    alone = pn.GBDTRegressor(trees=30, leaves=15).fit(X, z, interaction=[[f] for f in range(6)])
    assert max(map(len, paths(alone.forest_))) == 1
    assert alone.score(X, z) < free.score(frame, z) - 0.05
    # What the first feature moves does not depend on the others.
    here, there = X[:50].copy(), X[:50].copy()
    here[:, 0], there[:, 0] = -1, 1
    moved = alone.predict(there) - alone.predict(here)
    assert np.allclose(moved, moved[0])
    for wrong in ([], ["ab"], [[]], [["g"]], [[6]], [3]):
        with pytest.raises(InvalidArgumentError, match="interaction"):
            pn.GBDTRegressor(trees=2).fit(frame, z, interaction=wrong)


def test_sampling_by_gradients_is_nearly_as_good_from_a_third_of_the_rows():
    X, _, y = made(20_000)
    X_new, _, y_new = made(10_000, 1)
    found = {}
    for name, options in {
        "all": {},
        "goss": {"sampling": "goss"},
    }.items():
        model = pn.GBDTClassifier(trees=60, leaves=15, threads=2, **options).fit(X, y)
        found[name] = roc_auc_score(y_new, model.predict_proba(X_new)[:, 1])
        if name == "goss":
            arrays = model.forest_.to_arrays()
            roots = arrays["cover"][arrays["node_begin"][:-1]]
            assert (roots[:10] == 20_000).all()
            assert np.allclose(roots[10:], 6000, atol=300)
            for threads in (1, 8):
                again = pn.GBDTClassifier(**{**model.get_params(), "threads": threads}).fit(X, y)
                assert_same(again, model)
    assert found["goss"] > found["all"] - 0.003


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sampling": "some"}, "sampling must be 'rows' or 'goss'"),
        ({"sampling": "goss", "top_rate": 0.95}, "add up to more than 1"),
        ({"sampling": "goss", "other_rate": 0}, "other_rate must be above 0"),
        ({"sampling": "goss", "top_rate": -0.1}, "must not be negative"),
        ({"sampling": "goss", "row_fraction": 0.5}, "not by both"),
        ({"sampling": "goss", "objective": "quantile"}, "whose gradients differ"),
    ],
)
def test_sampling_is_checked(parameters, message):
    X, z, _ = made(200)
    with pytest.raises(InvalidArgumentError, match=message):
        pn.GBDTRegressor(trees=2, **parameters).fit(X, z)


def test_estimators_explain_themselves():
    X, z, y = made(1500)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame["shop"] = np.where(z > 0, "here", "there")
    group = np.repeat(np.arange(150), 10)
    for model in (
        pn.GBDTClassifier(trees=10).fit(frame, y),
        pn.GBDTRegressor(trees=10).fit(frame, z),
        pn.GBDTRanker(trees=10).fit(frame, y, group=group),
    ):
        values = model.shap_values(frame)
        assert values.shape == (1500, 8)
        assert np.allclose(values.sum(axis=1), model.predict_raw(frame), atol=1e-9)
        against = model.shap_values(frame, background=frame[:50])
        assert np.allclose(against.sum(axis=1), model.predict_raw(frame), atol=1e-9)
        expected = model.predict_raw(frame[:50]).mean()
        assert np.allclose(against[:, -1], expected)
    three = pn.GBDTClassifier(trees=4).fit(frame, np.digitize(z, [-1, 1]))
    assert three.shap_values(frame).shape == (1500, 3, 8)


def test_trees_know_the_names_of_their_columns():
    X, z, _ = made(1500)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = pn.GBDTRegressor(trees=10).fit(frame, z)
    assert model.forest_.feature_names == list("abcdef")
    assert pn.ranking.Forest.from_bytes(model.forest_.to_bytes()).feature_names == list("abcdef")
    assert "feature_names=a b c d e f" in model.forest_.to_lightgbm_text()
    assert pn.GBDTRegressor(trees=2).fit(X, z).forest_.feature_names == []
    # Names of an earlier forest stay where there are none.
    more = pn.GBDTRegressor(trees=2).fit(X, z, init_model=model.forest_)
    assert more.forest_.feature_names == list("abcdef")


def test_importances_by_gain_splits_and_cover():
    X, z, _ = made(1500)
    for kind in ("gain", "splits", "cover"):
        model = pn.GBDTRegressor(trees=10, importance_type=kind).fit(X, z)
        found = model.forest_.importances(kind)
        assert np.allclose(model.feature_importances_, found / found.sum())
    with pytest.raises(InvalidArgumentError, match="unknown importance 'weight'"):
        _ = model.set_params(importance_type="weight").feature_importances_


def test_what_estimators_depend_on():
    X, _, y = made(1500)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame["shop"] = np.where(y > 0, "here", "there")
    model = pn.GBDTClassifier(trees=10).fit(frame, y)
    found = pn.ranking.permutation_importance(model, frame, y, roc_auc_score)
    assert found.names == [*"abcdef", "shop"]
    assert found.score == pytest.approx(roc_auc_score(y, model.predict_proba(frame)[:, 1]))
    assert found.mean.argmax() == 6
    shown = pn.ranking.partial_dependence(model, frame, "shop", grid=[0, 1])
    assert shown.mean[0] > 0.8 > 0.2 > shown.mean[1]
    there = frame.assign(shop="there")
    assert np.array_equal(shown.rows[:, 1], model.predict_proba(there)[:, 1])
    with pytest.raises(pn.errors.NotFittedError):
        pn.ranking.partial_dependence(pn.GBDTRegressor(), X, 0)


def of_shops(seed=0, shops=60):
    """Shops of which half are good, by noise that few rows can't tell from worth."""
    random = np.random.default_rng(seed)
    X = np.column_stack([random.integers(0, shops, 4000), random.standard_normal(4000)])
    return X, (X[:, 0] % 2) + X[:, 1] + 2 * random.standard_normal(4000)


def of_sets(model):
    """How many categories each categorical split sends left."""
    arrays = model.forest_.to_arrays()
    sets = np.diff(arrays["category_begin"])
    counts = [
        sum(int(word).bit_count() for word in arrays["category_words"][begin : begin + size])
        for begin, size in zip(arrays["category_begin"], sets, strict=False)
    ]
    return np.array(counts)


def test_options_of_categories():
    X, y = of_shops()
    params = {"trees": 10, "leaves": 8}
    fit = {"categorical_features": [0]}
    sizes = {
        most: of_sets(pn.GBDTRegressor(**params, most_categories=most).fit(X, y, **fit)).max()
        for most in (1, 3, 32)
    }
    assert sizes[1] == 1
    assert sizes[3] == 3
    assert sizes[32] > 10

    def share(**options):
        model = pn.GBDTRegressor(**params, importance_type="splits", **options)
        return model.fit(X, y, **fit).feature_importances_[0]

    # The penalty makes splits by categories gain less, and so rarer.
    assert share(category_l2=0) > share(category_l2=100) > share(category_l2=1e6)
    for wrong in ({"category_smoothing": -1}, {"category_l2": -1}, {"most_categories": 0}):
        with pytest.raises(InvalidArgumentError):
            pn.GBDTRegressor(trees=2, **wrong).fit(X, y, **fit)


def test_smoothing_sorts_categories_by_their_sums_rather_than_their_means():
    X, y = of_shops(shops=20)
    shop = X[:, 0].astype(int)
    X, y, shop = (np.concatenate([part] + [part[shop < 10]] * 3) for part in (X, y, shop))
    one = {"trees": 1, "leaves": 2, "most_categories": 5}
    counts = np.bincount(shop)
    means = np.bincount(shop, weights=y) / counts - y.mean()
    orders = []
    for smoothing, key in ((0.0, means), (1e9, means * counts)):
        model = pn.GBDTRegressor(**one, category_smoothing=smoothing)
        model.fit(X[:, :1], y, categorical_features=[0])
        word = int(model.forest_.to_arrays()["category_words"][0])
        left = {c for c in range(20) if word >> c & 1}
        order = np.argsort(key).tolist()
        assert left in (set(order[: len(left)]), set(order[-len(left) :])), smoothing
        orders.append(left)
    assert orders[0] != orders[1]


# -- every other option ----------------------------------------------------------------------------


def leaf_sums(**options):
    """A tree on rows of hessian 1, its leaves with their rows."""
    X, z, _ = made(2000)
    model = pn.GBDTRegressor(trees=1, learning_rate=1.0, **options).fit(X, z)
    arrays = model.forest_.to_arrays()
    return model, arrays, X, z.astype(np.float32).astype(float) - arrays["base"][0]


def test_penalties_shrink_leaves_by_their_formula():
    for options in ({"leaves": 2}, {"leaves": 2, "l2": 300.0}, {"leaves": 2, "l1": 200.0}):
        _, arrays, X, residual = leaf_sums(**options)
        left = X[:, arrays["feature"][0]] <= arrays["threshold"][0]
        for value, rows in zip(arrays["leaves"], (left, ~left), strict=True):
            total = residual[rows].sum()
            total = np.sign(total) * max(abs(total) - options.get("l1", 0), 0)
            # Gradients are rounded to 1 / 32,767 of the largest.
            assert value == pytest.approx(total / (rows.sum() + options.get("l2", 0)), rel=1e-3)


def test_splits_gain_more_than_asked_and_leave_enough():
    free = leaf_sums()[1]
    assert free["gain"].min() < 30
    assert free["leaf_cover"].min() < 60
    assert leaf_sums(min_gain=30.0)[1]["gain"].min() > 30
    assert leaf_sums(min_leaf_samples=60)[1]["leaf_cover"].min() >= 60
    # Hessians are 1 a row.
    assert leaf_sums(min_hessian=75.0)[1]["leaf_cover"].min() >= 75
    assert len(leaf_sums(leaves=7)[1]["leaves"]) == 7
    assert len(leaf_sums(leaves=200, min_leaf_samples=1)[1]["leaves"]) == 200
    assert len(np.unique(leaf_sums(bins=3)[1]["threshold"])) <= 2 * 6


def depths(arrays):
    depth = {0: 0}
    for node in range(len(arrays["feature"])):
        for child in (arrays["left"][node], arrays["right"][node]):
            if child >= 0:
                depth[int(child)] = depth[node] + 1
    return depth


def test_growth_by_leaf_and_by_depth():
    by_leaf = leaf_sums(leaves=16, min_leaf_samples=5)[1]
    by_depth = leaf_sums(leaves=16, min_leaf_samples=5, growth="depth")[1]
    assert max(depths(by_leaf).values()) > 3
    # Sixteen leaves of one depth, where every leaf can be split.
    assert sorted(depths(by_depth).values()) == [0] + [1] * 2 + [2] * 4 + [3] * 8
    assert max(depths(leaf_sums(max_depth=3)[1]).values()) == 2
    assert by_leaf["gain"].sum() > by_depth["gain"].sum()


def test_rows_and_features_are_drawn_for_each_tree():
    X, z, _ = made(4000)
    model = pn.GBDTRegressor(trees=20, leaves=31, row_fraction=0.4).fit(X, z)
    arrays = model.forest_.to_arrays()
    roots = arrays["cover"][arrays["node_begin"][:-1]]
    assert np.allclose(roots, 1600, atol=150)
    assert len(set(roots)) > 10
    model = pn.GBDTRegressor(trees=20, leaves=31, feature_fraction=0.34).fit(X, z)
    used = paths_by_tree(model.forest_)
    assert {len(features) for features in used} == {2}
    assert len(set(map(frozenset, used))) > 5
    other = pn.GBDTRegressor(trees=20, leaves=31, feature_fraction=0.34, seed=1).fit(X, z)
    assert used != paths_by_tree(other.forest_)


def paths_by_tree(forest):
    arrays = forest.to_arrays()
    begin = arrays["node_begin"]
    return [set(arrays["feature"][a:b].tolist()) for a, b in pairwise(begin)]


def test_the_learning_rate_and_the_number_of_trees():
    X, z, _ = made(1000)
    whole = pn.GBDTRegressor(trees=1, learning_rate=1.0).fit(X, z).forest_.to_arrays()
    half = pn.GBDTRegressor(trees=1, learning_rate=0.5).fit(X, z).forest_.to_arrays()
    assert np.array_equal(half["leaves"], whole["leaves"] / 2)
    assert pn.GBDTRegressor(trees=7).fit(X, z).forest_.num_trees == 7


def test_huber_holds_residuals_to_delta():
    random = np.random.default_rng(0)
    X = random.standard_normal((4000, 2))
    y = X[:, 0] + 0.1 * random.standard_normal(4000)
    y[::20] += 1000  # outliers of one sign
    truth = X[:, 0]
    errors = [
        np.abs(pn.GBDTRegressor(objective="huber", huber_delta=d).fit(X, y).predict(X) - truth)
        for d in (0.5, 5.0, 1e6)
    ]
    small, middle, large = (error.mean() for error in errors)
    assert small < 0.15 < middle < 1 < 30 < large
    with pytest.raises(InvalidArgumentError, match="huber_delta"):
        pn.GBDTRegressor(objective="huber", huber_delta=0.0).fit(X, y)


def test_quantiles_lie_where_they_should():
    X, z, _ = made(6000)
    for share in (0.1, 0.5, 0.9):
        model = pn.GBDTRegressor(trees=60, leaves=15, objective="quantile", quantile=share)
        assert np.mean(z <= model.fit(X, z).predict(X)) == pytest.approx(share, abs=0.05)
    with pytest.raises(InvalidArgumentError, match="quantile"):
        model.set_params(quantile=1.0).fit(X, z)


def ranked(queries=150, size=20, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((queries * size, 5))
    worth = X[:, 0] + np.sin(2 * X[:, 1]) + 0.5 * random.standard_normal(len(X))
    return X, np.digitize(worth, [0.5, 1.2, 2.0]), np.repeat(np.arange(queries), size)


def test_truncation_looks_at_the_first_places_alone():
    # The pair of those that stand second and third counts from a truncation of 2 on.
    X = np.array([[0.0], [1.0], [2.0]] * 40)
    y, group = np.array([0, 1, 0] * 40), np.repeat(np.arange(40), 3)
    start = np.array([2.0, 1.0, 0.0] * 40)
    params = {"trees": 1, "learning_rate": 1.0, "min_leaf_samples": 1, "normalize": False}
    fit = {"group": group, "init_score": start}
    one = pn.GBDTRanker(truncation=1, **params).fit(X, y, **fit).predict(X[:3])
    two = pn.GBDTRanker(truncation=2, **params).fit(X, y, **fit).predict(X[:3])
    assert one[0] < 0 < one[1]
    assert one[2] == one[1]  # nothing pulls at the third
    assert two[2] < two[1]
    with pytest.raises(InvalidArgumentError, match="truncation"):
        pn.GBDTRanker(truncation=0).fit(X, y, group=group)


def test_normalizing_bounds_what_a_query_of_many_pairs_counts():
    # Ten queries of sixty rows say that more is better, two hundred of two rows that less is.
    random = np.random.default_rng(0)
    X = random.standard_normal((1000, 1))
    y = (X[:, 0] > 0).astype(int)
    y[600:] = 1 - y[600:]
    group = np.concatenate([np.repeat(np.arange(10), 60), np.repeat(np.arange(10, 210), 2)])
    rises = []
    for normalize in (False, True):
        model = pn.GBDTRanker(trees=1, leaves=2, normalize=normalize).fit(X, y, group=group)
        low, high = model.predict(np.array([[-3.0], [3.0]]))
        rises.append(high > low)
    assert rises == [True, False]


def test_label_gains_say_what_labels_are_worth():
    X, y, group = ranked()
    fit = {"group": group, "eval_set": (X, y, group)}
    plain = pn.GBDTRanker(trees=10).fit(X, y, **fit)
    same = pn.GBDTRanker(trees=10, label_gains=[0, 1, 3, 7]).fit(X, y, **fit)
    assert np.array_equal(plain.predict(X), same.predict(X))
    assert np.array_equal(plain.eval_losses_, same.eval_losses_)
    # Where the lower labels are worth nothing, they are not told apart.
    top = pn.GBDTRanker(trees=10, label_gains=[0, 0, 0, 1]).fit(X, y, **fit)
    only = pn.GBDTRanker(trees=10).fit(X, (y == 3).astype(int), group=group)
    assert np.array_equal(top.predict(X), only.predict(X))
    with pytest.raises(InvalidArgumentError, match="label_gains"):
        pn.GBDTRanker(label_gains=[0, 1, 3]).fit(X, y, group=group)
    with pytest.raises(InvalidArgumentError, match="not descend"):
        pn.GBDTRanker(label_gains=[0, 1, 3, 2]).fit(X, y, group=group)


def test_ndcg_at_is_where_the_watched_ndcg_is_cut():
    X, y, group = ranked()
    held = (X, y, group)
    scores = []
    for at in (1, 5, 20):
        model = pn.GBDTRanker(trees=5, ndcg_at=at).fit(X, y, group=group, eval_set=held)
        scores.append(model.predict(X))
        gains = 2.0 ** y.reshape(-1, 20) - 1
        order = np.argsort(-scores[-1].reshape(-1, 20), axis=1, kind="stable")[:, :at]
        discount = 1 / np.log2(np.arange(2, at + 2))
        ideal = np.sort(gains, axis=1)[:, ::-1][:, :at] @ discount
        found = np.take_along_axis(gains, order, axis=1) @ discount
        expected = (found[ideal > 0] / ideal[ideal > 0]).mean()
        assert -model.eval_losses_[-1] == pytest.approx(expected, abs=1e-9)
    assert np.array_equal(scores[0], scores[2])  # only what is watched


def test_the_seed_draws_labels_of_xendcg_anew():
    X, y, group = ranked()
    one, again, other = (
        pn.GBDTRanker(trees=5, objective="xendcg", seed=s).fit(X, y, group=group).predict(X)
        for s in (0, 0, 1)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.corrcoef(one, other)[0, 1] > 0.95


def test_class_weights_are_weights_of_rows():
    X, z, y = made(2000)
    three = np.digitize(z, [-2, 2])
    names = np.array(["low", "mid", "top"])[three]
    weights = {"low": 3.0, "top": 0.5}
    by_class = pn.GBDTClassifier(trees=5, class_weight=weights).fit(X, names)
    rows = np.array([3.0, 1.0, 0.5])[three]
    by_row = pn.GBDTClassifier(trees=5).fit(X, names, sample_weight=rows)
    assert np.array_equal(by_class.predict_raw(X), by_row.predict_raw(X))
    balanced = pn.GBDTClassifier(trees=5, class_weight="balanced").fit(X, names)
    counts = np.bincount(three)
    rows = (2000 / (3 * counts))[three]
    by_row = pn.GBDTClassifier(trees=5).fit(X, names, sample_weight=rows)
    assert np.array_equal(balanced.predict_raw(X), by_row.predict_raw(X))
    # Both kinds multiply.
    twice = np.where(np.arange(2000) % 2, 2.0, 1.0)
    both = pn.GBDTClassifier(trees=5, class_weight={1: 4.0}).fit(X, y, sample_weight=twice)
    by_row = pn.GBDTClassifier(trees=5).fit(X, y, sample_weight=twice * np.where(y == 1, 4.0, 1.0))
    assert np.array_equal(both.predict_raw(X), by_row.predict_raw(X))


def test_the_three_estimators_have_the_same_parameters():
    def names(cls):
        return [n for n in cls._parameter_names() if n not in own]

    own = {"class_weight", "quantile", "huber_delta"}
    own |= {"truncation", "normalize", "label_gains", "ndcg_at", "position_l2"}
    assert names(pn.GBDTClassifier) == names(pn.GBDTRegressor) == names(pn.GBDTRanker)
