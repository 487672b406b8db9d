"""What sets the item-item operators and the blend apart, beyond the contract of all models."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from penchant import errors

OPERATORS = {
    "ease": lambda: pn.EASE(20.0),
    "graph_filter": lambda: pn.GraphFilter(8, 0.3, sharpen=0.2),
    "local_ridge": lambda: pn.LocalRidge(20, 5.0),
    "slim": lambda: pn.SLIM(0.1, 10.0),
}


def taste_events(subjects: int = 400, items: int = 60, seed: int = 0) -> pd.DataFrame:
    """People of six tastes, with some noise."""
    random = np.random.default_rng(seed)
    rows = []
    for subject in range(subjects):
        taste = subject % 6
        for _ in range(12):
            near = random.random() < 0.7
            item = taste * 10 + random.integers(10) if near else random.integers(items)
            rows.append((subject, int(item)))
    return pd.DataFrame(rows, columns=["subject", "item"])


@pytest.fixture(scope="module")
def tastes() -> tuple[pn.Dataset, pn.Dataset]:
    return pn.splits.random(pn.Dataset.from_events(taste_events(), time=None), 0.25, seed=4)


def scores_of(model: Any, subjects: Any) -> np.ndarray:
    scorer = model._scorer(subjects, exclude_seen=False)
    return np.stack([scorer.scores(row) for row in range(len(subjects))])


def test_ease_is_its_closed_form(tastes: tuple[pn.Dataset, pn.Dataset]) -> None:
    train, _ = tastes
    weights = train.to_csr().toarray().astype(np.float64)
    gram = weights.T @ weights
    inverse = np.linalg.inv(gram + 20 * np.eye(len(gram)))
    coefficients = -inverse / np.diag(inverse)
    np.fill_diagonal(coefficients, 0)
    for precision in ("single", "double"):
        model = pn.EASE(20.0, keep=None, precision=precision).fit(train)
        found = scores_of(model, train.subject_ids)
        np.testing.assert_allclose(found, weights @ coefficients, atol=2e-5)


@pytest.mark.parametrize("kind", list(OPERATORS))
def test_they_find_the_taste(kind: str, tastes: tuple[pn.Dataset, pn.Dataset]) -> None:
    train, test = tastes
    model = OPERATORS[kind]().fit(train)
    better = pn.compare(model, pn.Popular().fit(train), test, ["ndcg@10"])
    assert better["ndcg@10"].low > 0.1
    similar = model.similar_items([0, 25, 59], k=5)
    assert (similar["item"] // 10 == similar["similar"] // 10).mean() > 0.7


@pytest.mark.parametrize("kind", list(OPERATORS))
def test_they_say_what_was_taken_together(kind: str, small_data: pn.Dataset) -> None:
    funnel = pn.Pipeline([OPERATORS[kind]()], weights={"repeats": {}}).fit(small_data)
    assert list(funnel.weights_["new"]) == [kind]
    basket = small_data.item_ids.tolist()[4:6]
    frame = funnel.recommend(None, context={"basket": basket}, k=5)
    assert set(frame["source"]) == {kind}
    assert set(frame["reason_code"]) == {"bought_together"}
    body = json.loads(funnel.recommend_json({"subject": None, "context": {"basket": basket}}))
    assert {item["reason"]["item"] for item in body["items"][:5]} <= set(basket)


@pytest.mark.parametrize("kind", [*OPERATORS, "blend"])
def test_a_bundle_of_them_answers_as_the_notebook(
    kind: str, small_data: pn.Dataset, tmp_path: Any
) -> None:
    models = {
        **OPERATORS,
        "blend": lambda: pn.Blend([pn.EASE(20.0), pn.ALS(factors=6), pn.GraphFilter(8)]),
    }
    funnel = pn.Pipeline([models[kind](), pn.Popular()]).fit(small_data)
    assert list(funnel.weights_["new"]) == [kind, "popular"]
    path = tmp_path / "shop.penchant"
    funnel.save(path)
    again = pn.load(path)  # replays the goldens
    for subject in (*small_data.subject_ids[:5].tolist(), None):
        for exclude in (True, False):
            request = {"subject": subject, "exclude_seen": exclude, "explain": True}
            assert again.recommend_json(request) == funnel.recommend_json(request)


def test_a_matrix_too_large_is_refused_before_it_is_made() -> None:
    items = np.arange(3000)
    data = pn.Dataset.from_interactions(items % 50, items)
    for model in (pn.EASE(max_memory=0.03), pn.SLIM(max_memory=0.03)):
        with pytest.raises(errors.InvalidArgumentError, match=r"3000 items need.*max_memory"):
            model.fit(data)
    assert len(pn.LocalRidge(50).fit(data).recommend(0)) == 10
    assert len(pn.SLIM(neighbors=50, max_memory=0.03).fit(data).recommend(0)) == 10


def test_recency_counts(small_data: pn.Dataset) -> None:
    for made in (pn.EASE, pn.GraphFilter, pn.LocalRidge, pn.SLIM):
        plain = made().fit(small_data)
        recent = made(half_life="5d").fit(small_data)
        subjects = small_data.subject_ids[:20]
        assert not np.allclose(scores_of(plain, subjects), scores_of(recent, subjects))


# the blend ----------------------------------------------------------------------------------------


def test_a_blend_finds_who_is_right(tastes: tuple[pn.Dataset, pn.Dataset]) -> None:
    train, test = tastes
    members = [pn.Random(seed=1), pn.EASE(50.0), pn.Popular()]
    blend = pn.Blend(members).fit(train)
    assert blend.weights_[1] == 1.0
    assert blend.weights_[0] < 0.2
    found = blend.validation_
    assert found["subjects"] > 250
    assert found["learned"] >= max(found["equal"], found["alone"][0])
    assert found["learned"] > found["alone"][1] - 0.005
    ease = pn.EASE(50.0).fit(train)
    reports = [pn.evaluate(model, test, ["ndcg@20"])["ndcg@20"].value for model in (blend, ease)]
    assert reports[0] > reports[1] - 0.01
    assert not any(model._fitted for model in members)  # cloned, not changed


def test_a_blend_holds_out_something_whatever_was_split_before() -> None:
    data = pn.Dataset.from_events(taste_events(), time=None)
    for seed in (0, 1, 7):
        train, _ = pn.splits.random(data, 0.2, seed=seed)
        blend = pn.Blend([pn.ItemKNN(), pn.Popular()], seed=seed).fit(train)
        assert blend.validation_["subjects"] > 250
        funnel = pn.Pipeline([pn.ItemKNN(), pn.Popular()]).fit(train)
        assert funnel.validation_["new"]["subjects"] > 250


def test_a_blend_can_look_at_the_end_of_the_log(small_data: pn.Dataset) -> None:
    members = [pn.ItemKNN(neighbors=20), pn.Popular()]
    by_time = pn.Blend(members, valid="14d", metric="recall@10").fit(small_data)
    by_share = pn.Blend(members, valid=0.2, metric="recall@10").fit(small_data)
    assert by_time.validation_ != by_share.validation_
    assert by_time.validation_["subjects"] > 0
    with pytest.raises(errors.InvalidArgumentError, match="valid"):
        pn.Blend(members, valid="900d").fit(small_data)


def test_scores_of_a_blend_are_standardized(tastes: tuple[pn.Dataset, pn.Dataset]) -> None:
    train, _ = tastes
    members = [pn.EASE(20.0), pn.ItemKNN()]
    blend = pn.Blend(members).fit(train)
    subjects = train.subject_ids[:30]
    expected = np.zeros((30, train.num_items))
    for model, weight in zip(members, blend.weights_, strict=True):
        scores = scores_of(model.fit(train), subjects).astype(np.float64)
        centred = scores - scores.mean(axis=1, keepdims=True)
        expected += weight * centred / scores.std(axis=1, keepdims=True)
    np.testing.assert_allclose(scores_of(blend, subjects), expected, atol=1e-4)


def test_a_blend_may_hold_a_blend(small_data: pn.Dataset) -> None:
    outer = pn.Blend([pn.Blend([pn.EASE(20.0), pn.ItemKNN()]), pn.ALS(factors=4)])
    outer.fit(small_data)
    again = pickle.loads(pickle.dumps(outer))
    subject = small_data.subject_ids[3]
    pd.testing.assert_frame_equal(again.recommend(subject), outer.recommend(subject))
