"""Options of boosted trees: each changes what it says it does."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import penchant as pn
from boosted import assert_same, made
from penchant.errors import InvalidArgumentError


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
