"""Importances, partial dependence and the plots of forests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import penchant as pn
from penchant.errors import InvalidArgumentError

GOLDEN = Path(__file__).parents[1] / "golden" / "forests"


@pytest.fixture(scope="module")
def forest():
    return pn.ranking.import_lightgbm(GOLDEN / "lightgbm_binary.txt")


@pytest.fixture(scope="module")
def rows():
    x = np.random.default_rng(1).normal(size=(300, 6))
    x[::7, 2] = np.nan
    return x


def minus_squares(y, predicted):
    return -float(((y - predicted) ** 2).mean())


def test_importances_are_sums_over_splits(forest):
    arrays = forest.to_arrays()
    for kind, weights in (("gain", arrays["gain"]), ("cover", arrays["cover"]), ("splits", None)):
        found = forest.importances(kind)
        assert found.shape == (6,)
        for feature in range(6):
            mine = arrays["feature"] == feature
            expected = mine.sum() if weights is None else weights[mine].sum()
            assert found[feature] == pytest.approx(expected, rel=1e-6)
    with pytest.raises(InvalidArgumentError, match="cover, gain, splits"):
        forest.importances("weight")


def test_shuffling_what_the_trees_ask_costs_and_nothing_else(forest, rows):
    found = pn.ranking.permutation_importance(
        forest, rows, forest.predict(rows), minus_squares, repeats=3, seed=2
    )
    used = forest.importances("splits") > 0
    assert found.score == 0
    assert found.drops.shape == (6, 3)
    assert (found.mean[used] > 0).all()
    assert (found.drops[~used] == 0).all()
    assert (found.std >= 0).all()
    again = pn.ranking.permutation_importance(
        forest, rows, forest.predict(rows), minus_squares, repeats=3, seed=2, threads=2
    )
    assert np.array_equal(found.drops, again.drops)


def test_partial_dependence_is_the_mean_over_rows(forest, rows):
    found = pn.ranking.partial_dependence(forest, rows, "feature_0", grid=[-1.0, 0.0, 2.0])
    assert found.name == "feature_0"
    assert found.rows.shape == (300, 3)
    changed = rows.copy()
    changed[:, 0] = 2.0
    assert np.array_equal(found.rows[:, 2], forest.predict(changed))
    assert np.array_equal(found.mean, found.rows.mean(axis=0))
    grid = pn.ranking.partial_dependence(forest, rows, 2, grid=5).grid
    assert len(grid) == 5
    assert np.isin(grid, rows[:, 2]).all()
    several = pn.ranking.import_lightgbm(GOLDEN / "lightgbm_multiclass.txt")
    parts = [pn.ranking.partial_dependence(several, rows, 1, output=o).mean for o in range(3)]
    assert np.allclose(np.sum(parts, axis=0), 1)
    for wrong in ("age", 6, -1):
        with pytest.raises(InvalidArgumentError):
            pn.ranking.partial_dependence(forest, rows, wrong)


def test_wrong_shapes_are_named(forest, rows):
    with pytest.raises(InvalidArgumentError, match="6 features"):
        forest.shap_values(rows[:, :4])
    with pytest.raises(InvalidArgumentError, match="at least one row"):
        forest.shap_values(rows, background=rows[:0])
    with pytest.raises(InvalidArgumentError, match="y has 3 rows"):
        pn.ranking.permutation_importance(forest, rows, [1, 2, 3], minus_squares)
    with pytest.raises(InvalidArgumentError, match=r"function of .y, predictions., .* not 'auc'"):
        pn.ranking.permutation_importance(forest, rows, forest.predict(rows), "auc")


def test_plots_draw_what_they_are_given(forest, rows):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    names = forest.feature_names
    values = forest.shap_values(rows)
    drawn = pn.ranking.plot_shap_summary(values, names, top=4)
    largest = np.argsort(-np.abs(values[:, :-1]).mean(axis=0))[:4]
    assert [text.get_text() for text in drawn.get_yticklabels()] == [names[i] for i in largest]
    drawn = pn.ranking.plot_shap_row(values[0], names, top=3)
    assert drawn.get_yticklabels()[-1].get_text() == "3 others"
    assert sum(bar.get_width() for bar in drawn.patches) == pytest.approx(values[0, :-1].sum())
    drawn = pn.ranking.partial_dependence(forest, rows, 0).plot(lines=10)
    assert len(drawn.lines) == 11
    found = pn.ranking.permutation_importance(forest, rows, forest.predict(rows), minus_squares)
    assert found.plot(top=2).get_xlabel() == "the metric falls by"
    pyplot.close("all")
