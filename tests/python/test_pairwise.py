"""BPR and WARP: that they learn to rank, and what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penchant as pn
from penchant import errors

EACH = pytest.mark.parametrize("make", [pn.BPR, pn.WARP], ids=["bpr", "warp"])


def tastes(seed: int, per_subject: int = 14) -> tuple[list[str], list[str], list[str], list[str]]:
    """Subjects of four tastes over 160 items, forty a taste: train and test pairs."""
    random = np.random.default_rng(seed)
    train: tuple[list[str], list[str]] = ([], [])
    test: tuple[list[str], list[str]] = ([], [])
    for subject in range(120):
        mine = 40 * (subject % 4) + random.choice(40, size=per_subject, replace=False)
        loose = random.choice(160, size=2, replace=False)
        for n, item in enumerate(np.unique(np.concatenate([mine, loose]))):
            part = test if n % 4 == 0 else train
            part[0].append(f"s{subject:03}")
            part[1].append(f"i{item:03}")
    return *train, *test


@pytest.fixture(scope="module")
def parts() -> tuple[pn.Dataset, pn.Dataset]:
    a, b, c, d = tastes(0)
    return pn.Dataset.from_interactions(a, b), pn.Dataset.from_interactions(c, d)


def fitted(make: Any, train: pn.Dataset, **more: Any) -> Any:
    return make(**{"factors": 8, "iterations": 60, "learning_rate": 0.05, **more}).fit(train)


@EACH
def test_they_find_the_tastes(make: Any, parts: tuple[pn.Dataset, pn.Dataset]) -> None:
    train, test = parts
    model = fitted(make, train)
    ours = pn.evaluate(model, test, ["ndcg@10", "auc"])
    popular = pn.evaluate(pn.Popular().fit(train), test, ["ndcg@10", "auc"])
    assert ours["ndcg@10"].value > 2.5 * popular["ndcg@10"].value
    assert ours["auc"].value > 0.72
    right = [entry["ranked_right"] for entry in model.history_]
    assert right[-1] > right[0]
    assert all(0 <= share <= 1 for share in right)


@EACH
def test_newcomers_are_served_nearly_as_well(
    make: Any, parts: tuple[pn.Dataset, pn.Dataset]
) -> None:
    train, test = parts
    model = fitted(make, train)
    stored = pn.evaluate(model, test, ["ndcg@10"])["ndcg@10"].value
    folded = pn.evaluate(model.fold_in(train), test, ["ndcg@10"])["ndcg@10"].value
    assert folded > 0.8 * stored


@EACH
def test_scores_are_products_plus_biases(make: Any, parts: tuple[pn.Dataset, pn.Dataset]) -> None:
    model = fitted(make, parts[0], iterations=5)
    assert model.subject_factors.dtype == model.item_factors.dtype == np.float32
    assert model.subject_factors.shape == (120, 8)
    assert model.item_biases.shape == (len(model.item_ids_),)
    assert not model.item_factors.flags.writeable
    frame = model.recommend(model.subject_ids_[:3], k=1000, exclude_seen=False)
    for row, (_, part) in enumerate(frame.groupby("subject", sort=False)):
        scores = model.item_factors @ model.subject_factors[row] + model.item_biases
        at = np.searchsorted(model.item_ids_, part["item"].to_numpy())
        np.testing.assert_allclose(part["score"], scores[at], rtol=1e-4, atol=1e-5)


@EACH
def test_the_seed_and_nothing_else_changes_them(
    make: Any, parts: tuple[pn.Dataset, pn.Dataset]
) -> None:
    one = fitted(make, parts[0], iterations=3, threads=1)
    for threads in (2, 8):
        again = fitted(make, parts[0], iterations=3, threads=threads)
        assert again.subject_factors.tobytes() == one.subject_factors.tobytes()
        assert again.item_factors.tobytes() == one.item_factors.tobytes()
    other = fitted(make, parts[0], iterations=3, seed=1)
    assert not np.allclose(other.item_factors, one.item_factors)


@EACH
def test_regularization_keeps_vectors_short(
    make: Any, parts: tuple[pn.Dataset, pn.Dataset]
) -> None:
    free = fitted(make, parts[0], regularization=0.0)
    held = fitted(make, parts[0], regularization=0.1)
    assert np.linalg.norm(held.item_factors) < 0.7 * np.linalg.norm(free.item_factors)


@EACH
@pytest.mark.parametrize(
    ("name", "value"),
    [("factors", 0), ("learning_rate", 0.0), ("regularization", -1.0), ("iterations", 0),
     ("seed", -1), ("threads", 0)],
)  # fmt: skip
def test_parameters_are_refused_by_name(
    make: Any, name: str, value: Any, parts: tuple[pn.Dataset, pn.Dataset]
) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=name):
        make(**{name: value}).fit(parts[0])
    if make is pn.WARP:
        with pytest.raises(errors.InvalidArgumentError, match="max_trials"):
            pn.WARP(max_trials=0).fit(parts[0])


@EACH
def test_someone_with_everything_has_nothing_to_rank(make: Any) -> None:
    subjects = ["all"] * 40 + ["one"]
    items = [f"i{n}" for n in range(40)] + ["i0"]
    model = make(factors=4, iterations=5).fit(pn.Dataset.from_interactions(subjects, items))
    assert np.isfinite(model.subject_factors).all()
    assert len(model.recommend("one", k=5)) == 5
