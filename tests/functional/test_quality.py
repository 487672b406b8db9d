"""Quality on real purchases and on little data: the figures that a change must not lose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from penchant._default_funnel import default_ranker

METRICS = ["map@10", "ndcg@20", "recall@20", "auc"]
HERE = pn.datasets.source("online_retail") in ("folder", "cache")

online_retail = pytest.mark.skipif(
    not HERE,
    reason="online_retail is not on this machine (PENCHANT_DATA names the folder of data sets)",
)
pytestmark = pytest.mark.slow

# Public libraries at their best on this very split (benchmarks/peers/online_retail.py): the best
# trivial list with repeats, the best collaborative model without them, ALS without them.
REPEATS_BAR = {"map@10": 0.233, "ndcg@20": 0.348, "recall@20": 0.272, "auc": 0.896}
NEW_BAR = {"map@10": 0.052, "ndcg@20": 0.113, "recall@20": 0.114}
ALS_BAR = {"map@10": 0.046, "ndcg@20": 0.102, "recall@20": 0.102}


@dataclass(frozen=True)
class Split:
    lines: pd.DataFrame
    train: pn.Dataset
    test: pn.Dataset


def dataset(lines: pd.DataFrame) -> pn.Dataset:
    return pn.Dataset.from_events(lines, subject="customer", item="sku", time="ts")


@pytest.fixture(scope="module")
def split() -> Split:
    lines = pn.datasets.online_retail.benchmark_lines(pn.datasets.load("online_retail", raw=True))
    return Split(lines, *pn.splits.temporal(dataset(lines), test="28d"))


def assert_above(report: Any, bar: dict[str, float]) -> None:
    missed = {
        name: report[name].value for name, least in bar.items() if report[name].value <= least
    }
    assert not missed, f"{missed} not above {bar}\n{report}"


def beats_popularity(train: pn.Dataset, test: pn.Dataset) -> Any:
    funnel = pn.Pipeline().fit(train)
    popular = pn.Popular(window="28d").fit(train)
    return pn.compare(funnel, popular, test, ["map@10", "ndcg@20"], exclude_seen=False)


@online_retail
def test_the_split_is_the_published_one(split: Split) -> None:
    assert len(split.lines) == 396_337
    train = split.train.to_csr("binary")
    assert (*train.shape, train.nnz) == (4_108, 3_625, 234_963)
    assert split.test.time_range[0].isoformat() >= "2011-11-12"
    assert split.train.time_range[1].isoformat() < "2011-11-12"
    known = np.isin(split.test.item_ids, split.train.item_ids)
    test = split.test.to_csr("binary")[np.isin(split.test.subject_ids, split.train.subject_ids)]
    test = test[:, known]
    assert (np.count_nonzero(np.diff(test.indptr)), test.nnz) == (1_300, 41_840)
    subjects = split.test.subject_ids[np.isin(split.test.subject_ids, split.train.subject_ids)]
    columns = np.searchsorted(split.train.item_ids, split.test.item_ids[known])
    rows = np.searchsorted(split.train.subject_ids, subjects)
    again = test.multiply(train[rows][:, columns]).tocsr()
    assert again.nnz == 18_330
    new = test.copy()
    new = (new - again).tocsr()
    new.eliminate_zeros()
    assert (np.count_nonzero(np.diff(new.indptr)), new.nnz) == (1_189, 23_510)


@online_retail
def test_the_default_funnel_with_repeats_and_on_new_items_only(split: Split) -> None:
    funnel = pn.Pipeline().fit(split.train)
    repeats = pn.evaluate(funnel, split.test, METRICS, exclude_seen=False)
    assert len(repeats.subject_ids) == 1_300
    assert_above(repeats, REPEATS_BAR)
    new = pn.evaluate(funnel, split.test, METRICS, exclude_seen=True)
    assert len(new.subject_ids) == 1_189
    assert_above(new, NEW_BAR)


@online_retail
def test_a_ranker_over_the_default_funnel(split: Split) -> None:
    """It was chosen on windows of the training part; here it is asked about the test part."""
    blend = pn.Pipeline().fit(split.train)
    ranked = pn.Pipeline(ranker=default_ranker()).fit(split.train)
    held = ranked.validation_["ranker"]["held_out"]
    assert held["ndcg@10"] > held["ndcg@10_blend"] + 0.01
    for exclude_seen in (False, True):
        comparison = pn.compare(
            ranked, blend, split.test, ["map@10", "ndcg@20", "recall@20"], exclude_seen=exclude_seen
        )
        for name in ("map@10", "ndcg@20", "recall@20"):
            assert comparison[name].low > 0, comparison


@online_retail
def test_als_on_new_items_only(split: Split) -> None:
    als = pn.ALS(factors=128, alpha=10, regularization=50, weighting="capped", half_life="57.6d")
    assert_above(pn.evaluate(als.fit(split.train), split.test, METRICS), ALS_BAR)


@online_retail
def test_little_data_of_a_real_shop(split: Split) -> None:
    """The first 10,000 purchases, and what followed in 28 days."""
    lines = split.lines.sort_values("ts", kind="stable")
    end = lines["ts"].iloc[9_999]
    after = lines.iloc[10_000:]
    after = after[after["ts"] <= end + pd.Timedelta(days=28)]
    comparison = beats_popularity(dataset(lines.iloc[:10_000]), dataset(after))
    assert comparison["map@10"].low > 0, comparison
    assert comparison["ndcg@20"].low > 0, comparison


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_little_data_of_a_simulated_shop(seed: int) -> None:
    events = pn.simulate.retail(events=10_000, seed=seed).events
    data = pn.Dataset.from_events(events, type="event", value="quantity")
    train, test = pn.splits.temporal(data, test="28d")
    comparison = beats_popularity(train, test.filter(types="purchase"))
    assert comparison["map@10"].low > 0, comparison
    assert comparison["ndcg@20"].low > 0, comparison
