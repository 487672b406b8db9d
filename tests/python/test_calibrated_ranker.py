"""A pipeline's ranker that says how likely each item is taken."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

import penchant as pn
from funnels import answer
from penchant import errors
from penchant._reranking import learn_ranker
from test_reranking import DEPTH, few_sources, made, small_ranker

ROOT = Path(__file__).resolve().parents[2]


def calibrated(**more: Any) -> pn.ranking.Calibrated:
    return pn.ranking.Calibrated(small_ranker(), **{"cv": 3, **more})


@pytest.fixture(scope="module", params=["isotonic", "sigmoid"])
def funnel(request: pytest.FixtureRequest, small_data: pn.Dataset) -> pn.Pipeline:
    return made(ranker=calibrated(method=request.param)).fit(small_data)


def test_items_carry_the_calibrated_probability(
    funnel: pn.Pipeline, small_data: pn.Dataset
) -> None:
    for subject in small_data.subject_ids[:20].tolist():
        rows = funnel.candidate_features(subject)
        values = rows[funnel.ranker_features_].to_numpy()
        expected = dict(zip(rows["item"], funnel.ranker_.predict(values), strict=True))
        assert rows["probability"].tolist() == [expected[item] for item in rows["item"]]
        shown = funnel.recommend(subject, k=10)
        assert shown["probability"].tolist() == [expected[item] for item in shown["item"]]
        assert shown["probability"].is_monotonic_decreasing
        assert shown["probability"].between(0, 1).all()


def test_the_order_is_that_of_the_ranker_alone(funnel: pn.Pipeline, small_data: pn.Dataset) -> None:
    plain = made().fit(small_data)
    for subject in small_data.subject_ids[:20].tolist():
        mine = answer(funnel, subject=subject)["items"]
        theirs = answer(plain, subject=subject)["items"]
        assert [one["item"] for one in mine] == [one["item"] for one in theirs]
        assert [one["score"] for one in mine] == [one["score"] for one in theirs]
        assert not any("probability" in one for one in theirs)


def test_no_probability_where_the_ranker_was_not_asked(funnel: pn.Pipeline) -> None:
    shown = funnel.recommend("nobody", k=5)
    assert shown["probability"].isna().all()
    assert all("probability" not in one for one in answer(funnel, subject="nobody")["items"])


def test_beyond_the_depth_nothing_is_said(small_data: pn.Dataset) -> None:
    shallow = made(ranker=calibrated(), depth=4, quota=50).fit(small_data)
    shown = shallow.recommend(small_data.subject_ids[0], k=8)
    assert shown["probability"].notna().all()  # as many as are shown are asked about
    rows = shallow.candidate_features(small_data.subject_ids[0])
    assert len(rows) == 10


def test_groups_of_which_nothing_was_taken_count(funnel: pn.Pipeline) -> None:
    facts = funnel.validation_["ranker"]
    assert facts["calibration"]["groups"] > facts["groups"]
    assert facts["calibration"]["rows"] > facts["rows"]
    assert facts["calibration"]["taken"] == facts["taken"]


def test_people_are_scored_by_trees_that_have_not_seen_them(small_data: pn.Dataset) -> None:
    """Labels that are noise: trees that knew the rows would be sure of what they remember."""
    table = made(ranker=calibrated()).ranker_table(small_data)
    random = np.random.default_rng(4)
    table.labels[:] = random.random(len(table.labels)) < 0.3
    keen = pn.ranking.Calibrated(
        small_ranker(trees=80, leaves=31, min_leaf_samples=1), method="sigmoid", cv=3
    )
    forest, _ = learn_ranker(keen, table)
    assert forest is not None
    p = forest.predict(table.values)
    assert np.corrcoef(forest.predict_raw(table.values), table.labels)[0, 1] > 0.3  # remembered
    assert np.abs(p - 0.3).mean() < 0.1  # and yet not believed


def test_probabilities_add_up_to_what_is_taken(small_data: pn.Dataset) -> None:
    """Of the people of the windows, in the regimes and windows that were learned from."""
    pipeline = made(ranker=calibrated(), weights=None).fit(small_data)
    facts = pipeline.validation_["ranker"]["calibration"]
    knots = pipeline.ranker_.calibration
    assert knots.method == "isotonic"
    share = facts["taken"] / facts["rows"]
    p = knots.predict(np.linspace(-8, 8, 200))
    assert p.min() <= share <= p.max()


def test_it_is_kept(funnel: pn.Pipeline, small_data: pn.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "shop.penchant"
    funnel.save(path)
    subject = small_data.subject_ids[1]
    body = funnel.recommend_json({"subject": subject, "explain": True})
    for other in (pn.load(path), pickle.loads(pickle.dumps(funnel))):
        assert other.recommend_json({"subject": subject, "explain": True}) == body
        assert other.ranker_.calibration.method == funnel.ranker_.calibration.method
    assert "probability" in json.loads(body)["items"][0]
    lineage = funnel.lineage_["ranker"]
    assert lineage["model"] == "GBDTRanker"
    assert lineage["calibration"]["cv"] == 3


def test_the_same_bytes_at_any_number_of_threads(small_data: pn.Dataset) -> None:
    bundles = [
        made(
            ranker=pn.ranking.Calibrated(small_ranker(threads=threads), cv=2), threads=threads
        ).fit(small_data).to_bytes()
        for threads in (1, 2, 8)
    ]  # fmt: skip
    assert bundles[0] == bundles[1] == bundles[2]


def test_a_ready_forest_brings_its_calibration(funnel: pn.Pipeline, small_data: pn.Dataset) -> None:
    ready = made(ranker=funnel.ranker_).fit(small_data)
    subject = small_data.subject_ids[2]
    assert answer(ready, subject=subject)["items"] == answer(funnel, subject=subject)["items"]


def test_a_classifier_is_calibrated_too(small_data: pn.Dataset) -> None:
    ranker = pn.ranking.Calibrated(pn.GBDTClassifier(trees=10, leaves=6), method="sigmoid", cv=2)
    shown = made(ranker=ranker).fit(small_data).recommend(small_data.subject_ids[0])
    assert shown["probability"].between(0, 1).all()


def test_answers_match_the_document(funnel: pn.Pipeline, small_data: pn.Dataset) -> None:
    document = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    schema = {"$ref": "#/components/schemas/Answer", "components": document["components"]}
    for subject in small_data.subject_ids[:5]:
        jsonschema.validate(answer(funnel, subject=subject, k=60, explain=True), schema)


def test_a_policy_is_told_the_probability(small_data: pn.Dataset) -> None:
    place = pn.Placement(pn.LinTS(model="shared", scale=0.3, seed=1), depth=12)
    pipeline = made(ranker=calibrated(), placements={"home": place}).fit(small_data)
    subject = small_data.subject_ids[0]
    said = answer(pipeline, subject=subject, placement="home", k=3,
                  context={"time": "2024-03-06T12:00:00Z"})  # fmt: skip
    slots = pipeline.decision(said["decision_id"])["slots"]
    assert [slot["attributes"][0] for slot in slots] == [
        one["probability"] for one in said["items"]
    ]
    for slot, item in zip(slots, said["items"], strict=True):
        assert slot["item"] == item["item"]


@pytest.mark.parametrize(
    ("ranker", "said"),
    [
        (pn.ranking.Calibrated(small_ranker(), cv="prefit"), "prefit"),
        (pn.ranking.Calibrated(small_ranker(), cv=1), "cv"),
        (pn.ranking.Calibrated(small_ranker(), method="platt"), "method"),
        (pn.ranking.Calibrated("a ranker"), "estimator"),
    ],
)
def test_what_makes_no_sense_is_refused(small_data: pn.Dataset, ranker: Any, said: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=said):
        pn.Pipeline(few_sources(), ranker=ranker, depth=DEPTH).fit(small_data)


def test_fewer_people_than_parts_are_refused(small_data: pn.Dataset) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="people for Calibrated"):
        made(ranker=calibrated(cv=100_000)).fit(small_data)
