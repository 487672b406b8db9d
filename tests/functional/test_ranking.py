"""Rankers on public queries: the figures that a change must not lose."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

import penchant as pn

FOLDER = Path(os.environ.get("PENCHANT_DATA", "")) / "lightgbm_rank"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (FOLDER / "rank.train.query").exists(),
        reason="lightgbm_rank is not on this machine (PENCHANT_DATA names the folder of data sets)",
    ),
]


def queries(part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, labels and the query of each row."""
    with gzip.open(FOLDER / f"rank.{part}.libsvm.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    X = np.zeros((len(rows), 301))
    for number, (_, *pairs) in enumerate(rows):
        for pair in pairs:
            feature, value = pair.split(":")
            X[number, int(feature)] = float(value)
    sizes = [int(size) for size in (FOLDER / f"rank.{part}.query").read_text().split()]
    return X, np.array([int(row[0]) for row in rows]), np.repeat(np.arange(len(sizes)), sizes)


# LightGBM's own tests ask this much of its rankers on the 50 queries, which they stop early on.
@pytest.mark.parametrize(
    ("objective", "at_1", "at_3"), [("lambdamart", 0.5674, 0.578), ("xendcg", 0.6211, 0.6253)]
)
def test_rankers_reach_the_floors_of_lightgbms_tests(objective, at_1, at_3):
    X, y, group = queries("train")
    held = queries("test")
    found = {}
    for cut in (1, 3):
        model = pn.GBDTRanker(
            objective=objective, trees=50, leaves=31, early_stopping=10, ndcg_at=cut
        )
        model.fit(X, y, group=group, eval_set=held)
        found[cut] = -min(model.eval_losses_)
    assert found[1] > at_1
    assert found[3] > at_3
