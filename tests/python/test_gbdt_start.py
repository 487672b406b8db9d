"""Boosting that goes on from earlier trees or from scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from boosted import assert_same, made, same_trees, squared
from penchant.errors import BadDataError, InvalidArgumentError

GOLDEN = Path(__file__).parents[1] / "golden" / "forests"


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
