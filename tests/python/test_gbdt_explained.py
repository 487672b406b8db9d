"""What estimators of boosted trees say of themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import penchant as pn
from boosted import made
from penchant.errors import InvalidArgumentError


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
