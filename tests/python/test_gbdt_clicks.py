"""Labels that are clicks: what a position brings is learned apart."""

from __future__ import annotations

import numpy as np
import pytest

import penchant as pn
from penchant.errors import InvalidArgumentError


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
