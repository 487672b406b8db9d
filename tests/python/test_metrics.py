"""The plain metric functions, against hand-made values and public implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import penchant as pn

sklearn_metrics = pytest.importorskip("sklearn.metrics")
pytrec_eval = pytest.importorskip("pytrec_eval")

CUTS = (1, 3, 10, 40)
LIST_METRICS = (
    "precision", "recall", "hit_rate", "average_precision", "ndcg", "reciprocal_rank",
)  # fmt: skip


def random_case(seed: int) -> tuple[list[str], np.ndarray, set[str]]:
    rng = np.random.default_rng(seed)
    items = [f"i{n:03d}" for n in range(60)]
    scores = rng.permutation(60).astype(np.float64)
    truth = {items[i] for i in rng.choice(60, size=int(rng.integers(1, 30)), replace=False)}
    return items, scores, truth


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_trec_eval(seed: int) -> None:
    items, scores, truth = random_case(seed)
    ranked = [items[i] for i in np.argsort(-scores)]
    measures = {
        f"{name}.{','.join(map(str, CUTS))}"
        for name in ("P", "recall", "ndcg_cut", "map_cut", "success")
    }
    judge = pytrec_eval.RelevanceEvaluator(
        {"u": dict.fromkeys(truth, 1)}, measures | {"recip_rank", "map"}
    )
    want = judge.evaluate({"u": dict(zip(items, scores.tolist(), strict=True))})["u"]
    for k in CUTS:
        assert pn.metrics.precision(truth, ranked, k) == pytest.approx(want[f"P_{k}"], abs=1e-9)
        assert pn.metrics.recall(truth, ranked, k) == pytest.approx(want[f"recall_{k}"], abs=1e-9)
        assert pn.metrics.ndcg(truth, ranked, k) == pytest.approx(want[f"ndcg_cut_{k}"], abs=1e-9)
        assert pn.metrics.hit_rate(truth, ranked, k) == want[f"success_{k}"]
        # trec_eval divides by all of the truth; here by what a list of k can hold.
        cut = want[f"map_cut_{k}"] * len(truth) / min(k, len(truth))
        assert pn.metrics.average_precision(truth, ranked, k) == pytest.approx(cut, abs=1e-9)
    assert pn.metrics.average_precision(truth, ranked) == pytest.approx(want["map"], abs=1e-9)
    assert pn.metrics.reciprocal_rank(truth, ranked) == pytest.approx(want["recip_rank"], abs=1e-9)


@pytest.mark.parametrize("levels", [2, 5, 10_000])
@pytest.mark.parametrize("seed", range(5))
def test_auc_equals_scikit_learn_with_ties(seed: int, levels: int) -> None:
    items, _, truth = random_case(seed)
    scores = np.random.default_rng(seed + 100).integers(0, levels, size=60).astype(np.float64)
    labels = [item in truth for item in items]
    want = sklearn_metrics.roc_auc_score(labels, scores)
    assert pn.metrics.auc(truth, scores, items) == pytest.approx(want, abs=1e-12)
    by_id = dict(zip(items, scores.tolist(), strict=True))
    assert pn.metrics.auc(truth, by_id) == pytest.approx(want, abs=1e-12)


def test_by_hand() -> None:
    truth, ranked = {"a", "c", "x"}, ["a", "b", "c"]
    assert pn.metrics.precision(truth, ranked, 4) == 2 / 4  # a short list is divided by k
    assert pn.metrics.precision(truth, ranked) == 2 / 3
    assert pn.metrics.recall(truth, ranked, 3) == 2 / 3
    assert pn.metrics.average_precision(truth, ranked, 3) == pytest.approx((1 + 2 / 3) / 3)
    assert pn.metrics.average_precision(truth, ranked, 2) == pytest.approx(1 / 2)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert pn.metrics.ndcg(truth, ranked, 3) == pytest.approx(1.5 / ideal)
    assert pn.metrics.reciprocal_rank(["c"], ranked) == pytest.approx(1 / 3)
    assert pn.metrics.reciprocal_rank(["c"], ranked, 2) == 0
    assert pn.metrics.hit_rate(["z"], ranked) == 0


def test_auc_leaves_out_the_excluded_but_never_the_right() -> None:
    scores = {"a": 3.0, "b": 2.0, "c": 1.0, "d": 0.0}
    assert pn.metrics.auc({"b"}, scores) == pytest.approx(2 / 3)
    assert pn.metrics.auc({"b"}, scores, exclude={"a"}) == 1.0
    assert pn.metrics.auc({"b"}, scores, exclude={"a", "b"}) == 1.0
    assert math.isnan(pn.metrics.auc({"b"}, scores, exclude={"a", "c", "d"}))
    assert math.isnan(pn.metrics.auc({"unknown"}, scores))
    assert pn.metrics.auc({"a"}, {"a": math.nan, "b": -math.inf, "c": 1.0}) == pytest.approx(0.25)


def test_empty_truth_is_undefined_and_nonsense_is_refused() -> None:
    for name in LIST_METRICS:
        function = getattr(pn.metrics, name)
        assert math.isnan(function([], ["a"], 3))
        assert function(["a"], [], 3) == 0.0
        with pytest.raises(pn.errors.InvalidArgumentError):
            function(["a"], ["a", "a"], 3)
        with pytest.raises(pn.errors.InvalidArgumentError):
            function(["a"], ["a"], 0)
    with pytest.raises(pn.errors.InvalidArgumentError):
        pn.metrics.auc(["a"], [1.0, 2.0])
    with pytest.raises(pn.errors.InvalidArgumentError):
        pn.metrics.auc(["a"], [1.0, 2.0], ["a"])


def test_takes_numpy_ids() -> None:
    truth, ranked = np.array([3, 5]), np.array([5, 1, 3])
    assert pn.metrics.recall(truth, ranked, 1) == 0.5
    assert pn.metrics.ndcg(truth, ranked, 2) == pn.metrics.ndcg([3, 5], [5, 1, 3], 2)


@given(
    truth=st.sets(st.integers(0, 20), min_size=1),
    ranked=st.permutations(range(21)),
    k=st.integers(1, 25),
)
def test_every_metric_is_a_share_and_a_better_list_is_never_worse(
    truth: set[int], ranked: list[int], k: int
) -> None:
    best = sorted(ranked, key=lambda item: item not in truth)
    for name in LIST_METRICS:
        function = getattr(pn.metrics, name)
        value = function(truth, ranked, k)
        assert 0.0 <= value <= function(truth, best, k) <= 1.0 + 1e-12
    assert pn.metrics.ndcg(truth, best, k) == pytest.approx(1.0)
    assert pn.metrics.average_precision(truth, best, k) == pytest.approx(1.0)
