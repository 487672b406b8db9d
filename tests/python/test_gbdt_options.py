"""Options of boosted trees: each changes what it says it does."""

from __future__ import annotations

import os
import signal
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
