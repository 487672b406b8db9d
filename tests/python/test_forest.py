"""Forest: plain arrays in, scores out, and a bundle that brings back the same forest."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import penchant as pn
from penchant.errors import BadDataError, CorruptBundleError, InvalidArgumentError


def stumps(**changes):
    """Two trees of one split each: x0 <= .5, and x1 within the set {1, 3}."""
    arrays = {
        "num_features": 2,
        "threshold": [0.5, 0.0],
        "feature": [0, 1],
        "left": [-1, -1],
        "right": [-2, -2],
        "categories": [-1, 0],
        "missing_left": [True, False],
        "missing": [2, 2],
        "gain": [3.0, 1.0],
        "cover": [10.0, 9.0],
        "node_begin": [0, 1, 2],
        "leaf_begin": [0, 2, 4],
        "leaves": [1.0, 2.0, 10.0, 20.0],
        "leaf_cover": [4.0, 6.0, 4.0, 5.0],
        "category_words": np.array([0b1010], dtype=np.uint64),
        "category_begin": [0, 1],
        "base": [0.25],
        "link": "sigmoid",
        "link_slope": 1.0,
        "float32_inputs": False,
        "feature_names": ["age", "shop"],
    }
    return {**arrays, **changes}


ROWS = np.array([[0.5, 1], [0.6, 3], [np.nan, np.nan], [-np.inf, 2], [1e9, 1.5]])
SCORES = np.array([11.25, 12.25, 21.25, 21.25, 22.25])


def test_scores_of_any_layout_and_dtype():
    forest = pn.ranking.Forest(stumps())
    np.testing.assert_array_equal(forest.predict_raw(ROWS), SCORES)
    np.testing.assert_array_equal(forest.predict_raw(ROWS.astype(np.float32)), SCORES)
    np.testing.assert_array_equal(forest.predict_raw(np.asfortranarray(ROWS)), SCORES)
    np.testing.assert_array_equal(forest.predict_raw(np.repeat(ROWS, 2, 0)[::2]), SCORES)
    np.testing.assert_array_equal(forest.predict_raw([[0, 1], [1, 1]]), [11.25, 12.25])
    np.testing.assert_array_equal(forest.predict_raw(np.tile(ROWS, (999, 1)), threads=2),
                                  np.tile(SCORES, 999))  # fmt: skip
    assert forest.predict_raw(np.empty((0, 2))).shape == (0,)
    np.testing.assert_allclose(forest.predict(ROWS), 1 / (1 + np.exp(-SCORES)), rtol=1e-14)


def test_several_outputs_have_a_column_each():
    forest = pn.ranking.Forest(stumps(base=[0.0, 1.0], link="softmax"))
    raw = forest.predict_raw(ROWS)
    np.testing.assert_array_equal(raw, [[1, 11], [2, 11], [1, 21], [1, 21], [2, 21]])
    np.testing.assert_allclose(forest.predict(ROWS).sum(axis=1), 1, rtol=1e-15)
    assert forest.num_outputs == 2


def test_says_what_it_is():
    forest = pn.ranking.Forest(stumps())
    assert repr(forest) == "Forest(2 trees, 4 leaves, 2 features, link='sigmoid')"
    assert (forest.num_trees, forest.num_leaves, forest.num_features) == (2, 4, 2)
    assert forest.feature_names == ["age", "shop"]


def test_arrays_files_and_pickles_bring_back_the_same(tmp_path):
    forest = pn.ranking.Forest(stumps())
    again = pn.ranking.Forest(forest.to_arrays())
    for name, values in stumps().items():
        np.testing.assert_array_equal(again.to_arrays()[name], values, err_msg=name)
    forest.save(tmp_path / "forest.penchant")
    for other in (
        again,
        pn.ranking.Forest.load(tmp_path / "forest.penchant"),
        pn.ranking.Forest.from_bytes(forest.to_bytes()),
        pickle.loads(pickle.dumps(forest)),
    ):
        assert other.to_bytes() == forest.to_bytes()
        np.testing.assert_array_equal(other.predict_raw(ROWS), SCORES)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"feature": [0, 2]}, BadDataError, "feature 2 of 2"),
        ({"left": [0, -1]}, BadDataError, "two parents"),
        ({"threshold": [np.nan, 0]}, BadDataError, "NaN"),
        ({"missing": [2, 3]}, BadDataError, "missing rule"),
        ({"leaves": [1.0, 2.0]}, BadDataError, "leaves"),
        ({"gain": [1.0]}, InvalidArgumentError, "'gain' has 1 numbers"),
        ({"link": "logit"}, InvalidArgumentError, "choose one of"),
        ({"base": "high"}, InvalidArgumentError, "base"),
        ({"num_features": "two"}, InvalidArgumentError, "wrong type"),
    ],
)
def test_arrays_that_are_no_forest_are_refused(change, error, says):
    with pytest.raises(error, match=says):
        pn.ranking.Forest(stumps(**change))


def test_an_array_that_lacks_is_named():
    arrays = stumps()
    del arrays["cover"]
    with pytest.raises(InvalidArgumentError, match="'cover'"):
        pn.ranking.Forest(arrays)


@pytest.mark.parametrize("rows", [np.zeros(2), np.zeros((2, 3)), [["a", "b"]]])
def test_rows_of_another_shape_are_refused(rows):
    with pytest.raises(InvalidArgumentError):
        pn.ranking.Forest(stumps()).predict_raw(rows)


def test_other_bundles_are_refused():
    index = pn.VectorIndex("flat").fit(np.eye(3, dtype=np.float32))
    with pytest.raises(CorruptBundleError):
        pn.ranking.Forest.from_bytes(index.to_bytes())
