"""The ranker of a pipeline: what it learns from, what it may not see, and how it serves."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.base import clone

import penchant as pn
from funnels import NOBODY, answer, dataset, little, shown
from penchant import errors
from penchant._default_funnel import default_ranker
from penchant._reranking import learn_ranker
from penchant._windows import FittedWindows

WEIGHTS = {
    "repeats": {"als": 0.3, "item_knn": 0.2, "popular": 0.1, "repeat_purchase": 1.0},
    "new": {"als": 1.0, "item_knn": 0.5, "popular": 0.2},
}
DEPTH = 40
ROOT = Path(__file__).resolve().parents[2]
STAGES = ["resolve", "retrieve", "order", "rerank", "fill", "explain"]


def few_sources() -> list[Any]:
    return [
        pn.ALS(factors=6, iterations=4),
        pn.ItemKNN(neighbors=20),
        pn.Popular(window="14d"),
        pn.RepeatPurchase(),
    ]


def small_ranker(**more: Any) -> pn.GBDTRanker:
    return pn.GBDTRanker(**{"trees": 15, "leaves": 6, "learning_rate": 0.3, **more})


def made(**more: Any) -> pn.Pipeline:
    given = {"ranker": small_ranker(), "depth": DEPTH, "weights": WEIGHTS, **more}
    return pn.Pipeline(few_sources(), **given)


@pytest.fixture(scope="module")
def ranked(small_data: pn.Dataset) -> pn.Pipeline:
    return made().fit(small_data)


@pytest.fixture(scope="module")
def table(small_data: pn.Dataset) -> Any:
    return made().ranker_table(small_data)


# what it learns from ------------------------------------------------------------------------------


def test_a_fitted_ranker_is_a_stage(ranked: pn.Pipeline, small_data: pn.Dataset) -> None:
    assert ranked.engine.stages == STAGES
    assert isinstance(ranked.ranker_, pn.ranking.Forest)
    assert ranked.ranker_.feature_names == ranked.ranker_features_
    facts = ranked.validation_["ranker"]
    assert facts["groups"] > 50
    assert 0 < facts["taken"] < facts["rows"]
    assert ranked.lineage_["ranker"]["depth"] == DEPTH
    assert ranked.lineage_["ranker"]["parameters"]["leaves"] == 6
    assert not hasattr(ranked.ranker, "forest_")
    assert len(ranked.recommend(small_data.subject_ids[0])) == 10


def test_without_a_ranker_nothing_is_new(small_data: pn.Dataset) -> None:
    plain = pn.Pipeline(few_sources(), weights=WEIGHTS).fit(small_data)
    assert plain.ranker_ is None
    assert plain.engine.stages == [stage for stage in STAGES if stage != "rerank"]
    sections = {section["name"] for section in plain.engine.bundle.sections}
    assert not any(name.startswith("ranker/") for name in sections)
    with pytest.raises(errors.NotFoundError, match="no ranker"):
        plain.candidate_features(small_data.subject_ids[0])


def test_windows_end_before_what_labels_them(small_data: pn.Dataset) -> None:
    seen = 0
    for window in FittedWindows(small_data, lambda _: few_sources()):
        seen += 1
        assert (
            np.asarray(window.before._core.times).max()
            < np.asarray(window.inside._core.times).min()
        )
        known = set(window.before.item_ids)
        for source in window.sources:
            assert source.core_model.num_items == len(known)
    assert seen >= 2


@pytest.mark.parametrize("seed", range(4))
def test_nothing_of_a_window_reaches_its_features(small_events: pd.DataFrame, seed: int) -> None:
    """Other events inside the latest window: the same rows, with other labels."""
    data = dataset(small_events)
    windows = FittedWindows(data, lambda _: few_sources())
    start = np.asarray(next(iter(windows)).inside._core.times).min()
    times = pd.to_datetime(small_events["time"], utc=True).astype("datetime64[us, UTC]")
    inside = (times.astype("int64") >= start).to_numpy()
    changed = small_events.copy()
    rng = np.random.default_rng(seed)
    # The last event stays, so that the windows are the same ones.
    movable = np.flatnonzero(inside & (times != times.max()).to_numpy())
    for column in ("subject", "item"):
        values = changed[column].to_numpy().copy()
        values[movable] = values[rng.permutation(movable)]
        changed[column] = values
    before, after = (made().ranker_table(dataset(events)) for events in (small_events, changed))
    assert before.names == after.names
    same = 0
    different_labels = 0
    rows_after = _first_groups(after, dataset(changed))
    for key, (values, labels) in _first_groups(before, data).items():
        if key not in rows_after:
            continue
        same += 1
        np.testing.assert_array_equal(values, rows_after[key][0])
        different_labels += not np.array_equal(labels, rows_after[key][1])
    assert same > 20
    assert different_labels > 10


def _first_groups(table: Any, data: pn.Dataset) -> dict[tuple[Any, bool], tuple[Any, Any]]:
    """(subject, repeats) -> rows of the latest window, the first that a subject has."""
    repeats = table.names.index("request_repeats")
    out: dict[tuple[Any, bool], tuple[Any, Any]] = {}
    for g in range(table.groups):
        rows = slice(table.group_begin[g], table.group_begin[g + 1])
        values = table.values[rows]
        key = (data.subject_ids[table.subject[g]], bool(values[0, repeats]))
        # The windows come from the latest back; a subject may be absent from the latest.
        out.setdefault(key, (values, table.labels[rows]))
    # Only those of the latest window tell: a later group of a subject is of another one.
    last = _latest_groups(table)
    return {key: rows for at, (key, rows) in enumerate(out.items()) if at < last}


def _latest_groups(table: Any) -> int:
    """Groups of the latest window: subjects ascend within a part (window and regime)."""
    starts = np.flatnonzero(np.diff(table.subject) <= 0) + 1
    return int(starts[1]) if len(starts) > 1 else table.groups


def test_the_table_is_of_what_serves(small_data: pn.Dataset) -> None:
    """The rows learned from are, bit for bit, what a server of that day would have computed."""
    pipeline = made()
    window = next(iter(FittedWindows(small_data, lambda _: few_sources())))
    learned = pipeline.ranker_table(small_data)
    # A funnel of before the window, served with a forest that was made elsewhere.
    forest = learn_ranker(small_ranker(), learned)[0]
    then = made(ranker=forest).fit(window.before)
    assert then.ranker_features_ == learned.names
    repeats = learned.names.index("request_repeats")
    checked = 0
    for g in range(_latest_groups(learned)):
        rows = slice(learned.group_begin[g], learned.group_begin[g + 1])
        frame = then.candidate_features(
            small_data.subject_ids[learned.subject[g]],
            exclude_seen=not learned.values[rows][0, repeats],
        )
        served = frame[learned.names].to_numpy(np.float32)
        np.testing.assert_array_equal(served, learned.values[rows])
        scores = forest.predict_raw(learned.values[rows])
        np.testing.assert_array_equal(frame["ranker_score"], scores)
        checked += 1
    assert checked > 50


def test_the_same_bytes_at_any_number_of_threads(small_data: pn.Dataset) -> None:
    bundles = {made(threads=n).fit(small_data).to_bytes() for n in (1, 2, 8)}
    # The ranker's own threads are a parameter of its own.
    bundles |= {made(ranker=small_ranker(threads=n)).fit(small_data).to_bytes() for n in (1, 2)}
    assert len(bundles) == 1


def test_a_classifier_ranks_too(small_data: pn.Dataset) -> None:
    pipeline = made(ranker=pn.GBDTClassifier(trees=10, leaves=5)).fit(small_data)
    assert pipeline.ranker_.num_trees > 1
    assert pipeline.ranker_.link == "sigmoid"
    subject = small_data.subject_ids[3]
    scores = pipeline.recommend(subject)["score"].to_numpy()
    assert (np.diff(scores) <= 0).all()


def test_many_groups_are_stopped_early_and_judged(small_world: Any) -> None:
    events = pn.simulate.retail(subjects=400, items=120, days=120, seed=5).events
    data = dataset(events)
    pipeline = made(ranker=small_ranker(trees=60, learning_rate=0.5)).fit(data)
    facts = pipeline.validation_["ranker"]
    held = facts["held_out"]
    assert 0 < held["groups"] < facts["groups"] / 3
    assert facts["trees"] <= 60
    assert 0 < held["ndcg@10_blend"] < 1
    assert 0 < held["ndcg@10"] < 1
    assert pipeline.ranker_.num_trees == facts["trees"]


def test_nobody_stands_on_both_sides_of_early_stopping(table: Any) -> None:
    from penchant import _reranking

    held = np.isin(table.subject, _reranking._held_out(table.subject, 3))
    first, second = table.of_groups(~held), table.of_groups(held)
    assert not set(first.subject) & set(second.subject)
    assert first.groups + second.groups == table.groups
    assert len(first.labels) + len(second.labels) == len(table.labels)
    np.testing.assert_array_equal(np.diff(second.group_begin), np.bincount(second.group()))


def test_with_too_little_to_learn_from_the_blend_stands() -> None:
    data = little(["a", "b", "c"] * 4, list("xyzwxyzwxyzw"))
    pipeline = pn.Pipeline([pn.ItemKNN(), pn.Popular()], ranker=pn.GBDTRanker()).fit(data)
    assert pipeline.ranker_ is None
    assert "rerank" not in pipeline.engine.stages
    assert pipeline.validation_["ranker"]["groups"] < 50
    assert "ranker" not in pipeline.lineage_


def test_a_log_without_times_has_a_ranker_without_days(small_events: pd.DataFrame) -> None:
    data = pn.Dataset.from_events(small_events[["subject", "item"]], time=None)
    pipeline = made(weights=None).fit(data)
    frame = pipeline.candidate_features(data.subject_ids[3])
    assert frame["pair_days"].isna().all()
    assert frame["item_popularity_28d"].isna().all()
    assert (frame["item_popularity"] > 0).any()


# forests that are ready ---------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False])
def test_a_ready_forest_serves(ranked: pn.Pipeline, small_data: pn.Dataset, named: bool) -> None:
    forest = ranked.ranker_
    if not named:
        forest = pn.ranking.Forest({**forest.to_arrays(), "feature_names": []})
    ready = made(ranker=forest).fit(small_data)
    for subject in small_data.subject_ids[:20]:
        request = {"subject": subject, "k": 15, "explain": True}
        mine, theirs = answer(ready, **request), answer(ranked, **request)
        assert mine.pop("bundle") != theirs.pop("bundle")  # their lineage differs
        assert mine == theirs
    assert "ranker" not in ready.validation_


def test_a_forest_by_names_takes_any_columns_in_any_order(
    ranked: pn.Pipeline, small_data: pn.Dataset
) -> None:
    names = ranked.ranker_features_
    arrays = ranked.ranker_.to_arrays()
    used = sorted(set(arrays["feature"].tolist()), reverse=True)
    arrays["feature"] = np.array([used.index(f) for f in arrays["feature"]], np.int32)
    arrays |= {"num_features": len(used), "feature_names": [names[f] for f in used]}
    few = made(ranker=pn.ranking.Forest(arrays)).fit(small_data)
    assert few.ranker_features_ == [names[f] for f in used]
    for subject in small_data.subject_ids[:20]:
        for exclude_seen in (False, True):
            request = {"subject": subject, "exclude_seen": exclude_seen}
            mine, theirs = answer(few, **request), answer(ranked, **request)
            assert mine["items"] == theirs["items"]


def test_a_lightgbm_model_serves(ranked: pn.Pipeline, small_data: pn.Dataset) -> None:
    forest = pn.ranking.import_lightgbm(ranked.ranker_.to_lightgbm_text())
    assert forest.feature_names == ranked.ranker_features_
    imported = made(ranker=forest).fit(small_data)
    for subject in small_data.subject_ids[:20]:
        assert (
            answer(imported, subject=subject)["items"] == answer(ranked, subject=subject)["items"]
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: {**a, "feature_names": [f"f{i}" for i in range(a["num_features"])]}, "'f0'"),
        (
            lambda a: {**a, "feature_names": [], "num_features": a["num_features"] + 1},
            "columns without names",
        ),
        (lambda a: {**a, "base": np.zeros(2)}, "outputs"),
    ],
)
def test_forests_that_do_not_fit_are_refused(
    ranked: pn.Pipeline, small_data: pn.Dataset, change: Callable[[Any], Any], words: str
) -> None:
    forest = pn.ranking.Forest(change(ranked.ranker_.to_arrays()))
    with pytest.raises(errors.InvalidArgumentError, match=words):
        made(ranker=forest).fit(small_data)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ranker": pn.ALS()}, "GBDTRanker"),
        ({"ranker": "lambdamart"}, "str"),
        ({"depth": 0}, "depth"),
        ({"depth": 2.5}, "depth"),
        ({"depth": True}, "depth"),
        ({"ranker": pn.GBDTRanker(leaves=1)}, "leaves"),
    ],
)
def test_what_makes_no_sense_is_refused_at_fit(
    given: dict[str, Any], words: str, small_data: pn.Dataset
) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=words):
        made(**given).fit(small_data)


# answers ------------------------------------------------------------------------------------------


def test_scores_are_taken_apart(ranked: pn.Pipeline, small_data: pn.Dataset) -> None:
    names = ranked.ranker_features_
    forest = ranked.ranker_
    for subject in small_data.subject_ids[:30]:
        got = answer(ranked, subject=subject, k=12, explain=True)
        frame = ranked.candidate_features(subject).set_index("item")
        shap = dict(
            zip(frame.index, forest.shap_values(frame[names].to_numpy(np.float32)), strict=True)
        )
        for item in got["items"]:
            if item["item"] not in frame.index:
                assert "ranker" not in item
                continue
            share = item["ranker"]
            total = share["expected"] + share["others"]
            total += sum(each["contribution"] for each in share["features"])
            assert total == pytest.approx(item["score"], abs=1e-5)
            assert len(share["features"]) <= 5
            for each in share["features"]:
                at = names.index(each["feature"])
                assert each["contribution"] == shap[item["item"]][at]
                value = frame.loc[item["item"], each["feature"]]
                assert each["value"] == (
                    None if np.isnan(value) else pytest.approx(value, rel=1e-6)
                )
                assert each["text"].endswith(": not known") == (each["value"] is None)
            assert share["expected"] == shap[item["item"]][-1]
            # The sources' parts add up to the blend.
            blend = sum(each["contribution"] for each in item["shares"])
            assert blend == pytest.approx(frame.loc[item["item"], "blend_score"], abs=1e-5)
        table = ranked.recommend(subject, k=12, explain=True)
        assert table["ranked_by"].notna().any()
        assert "ranked_by" not in ranked.recommend(subject).columns


def test_explaining_changes_nothing_else(ranked: pn.Pipeline, small_data: pn.Dataset) -> None:
    for subject in small_data.subject_ids[:30]:
        for exclude_seen in (False, True):
            request = {"subject": subject, "exclude_seen": exclude_seen, "k": 30}
            plain = answer(ranked, **request)
            full = answer(ranked, **request, explain=True)
            for item in full["items"]:
                item.pop("shares")
                item.pop("ranker", None)
            assert plain == full


def test_strangers_get_what_the_blend_gives(ranked: pn.Pipeline, small_data: pn.Dataset) -> None:
    plain = pn.Pipeline(few_sources(), weights=WEIGHTS).fit(small_data)
    for request in ({}, {"subject": NOBODY}, {"subject": NOBODY, "k": 60, "explain": True}):
        mine, theirs = answer(ranked, **request), answer(plain, **request)
        assert mine["items"] == theirs["items"]
        assert mine["fallback"] == theirs["fallback"] is not None
    assert len(ranked.candidate_features(NOBODY)) == 0
    basket = {"basket": small_data.item_ids[:2].tolist()}
    assert len(ranked.candidate_features(NOBODY, context=basket)) > 0


def test_restrictions_hold(ranked: pn.Pipeline, small_data: pn.Dataset) -> None:
    subject = small_data.subject_ids[4]
    items = small_data.item_ids.tolist()
    few = items[5:20]
    assert set(shown(ranked, subject=subject, candidates=few, k=50)) == set(few)
    assert not set(shown(ranked, subject=subject, deny=few, k=50)) & set(few)
    everything = shown(ranked, subject=subject, k=len(items))
    assert sorted(everything) == sorted(items)
    scores = [i["score"] for i in answer(ranked, subject=subject, k=len(items))["items"]]
    assert scores == sorted(scores, reverse=True)


def test_depth_bounds_what_is_reordered(small_data: pn.Dataset) -> None:
    shallow = made(depth=5).fit(small_data)
    plain = pn.Pipeline(few_sources(), weights=WEIGHTS).fit(small_data)
    moved = 0
    for subject in small_data.subject_ids[:30]:
        blend = shown(plain, subject=subject, k=5)
        mine = shown(shallow, subject=subject, k=5)
        assert sorted(mine) == sorted(blend)
        moved += mine != blend
    assert moved > 5


def test_evaluation_sees_the_order_that_is_served(
    ranked: pn.Pipeline, small_data: pn.Dataset
) -> None:
    test = small_data.filter(subjects=small_data.subject_ids[:40])
    report = pn.evaluate(ranked, test, ["recall@5"], exclude_seen=False)
    pairs = test.to_csr("binary")
    truth = [set(test.item_ids[pairs[row].indices]) for row in range(test.num_subjects)]
    by_hand = [
        len(set(shown(ranked, subject=subject, k=5)) & right) / len(right)
        for subject, right in zip(test.subject_ids, truth, strict=True)
    ]
    assert report["recall@5"].value > 0
    assert report["recall@5"].value == pytest.approx(np.mean(by_hand), abs=1e-6)


def test_the_golden_bundle_still_reads() -> None:
    """Opening it answers its goldens again, some of them reranked and explained."""
    pipeline = pn.load(ROOT / "tests" / "golden" / "ranker_v1.penchant")
    assert pipeline.engine.stages == STAGES
    assert "attribute_price" in pipeline.ranker_features_
    goldens = json.loads(pipeline.engine.bundle.text("goldens/answers"))
    assert any('"ranker":{"expected":' in each for each in goldens)


def test_answers_match_the_document(ranked: pn.Pipeline, small_data: pn.Dataset) -> None:
    document = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    schema = {"$ref": "#/components/schemas/Answer", "components": document["components"]}
    for subject in small_data.subject_ids[:20]:
        jsonschema.validate(answer(ranked, subject=subject, k=60, explain=True), schema)


def test_the_page_lists_every_feature(small_known_data: pn.Dataset) -> None:
    pipeline = pn.Pipeline(ranker=small_ranker()).fit(small_known_data)
    page = (ROOT / "docs" / "ranking.md").read_text()
    listed = set(re.findall(r"`([a-z_<>0-9]+)`", page.split("## Features")[1].split("## Why")[0]))
    kinds = {
        re.sub("_(price|category|type|brand)$", "_<name>", n) for n in pipeline.ranker_features_
    }
    kinds = {re.sub("^source_.*_(score|rank|evidence)$", r"source_<name>_\1", n) for n in kinds}
    # "`item_popularity_7d`, `_28d`, `_91d`"
    listed |= {"item_popularity" + end for end in listed if end in ("_28d", "_91d")}
    assert kinds - listed == set()


# keeping ------------------------------------------------------------------------------------------


def test_it_survives_saving_and_pickling(
    ranked: pn.Pipeline, small_data: pn.Dataset, tmp_path: Any
) -> None:
    ranked.save(tmp_path / "shop.penchant")
    loaded = pn.load(tmp_path / "shop.penchant")
    pickled = pickle.loads(pickle.dumps(ranked))
    for other in (loaded, pickled):
        assert other.to_bytes() == ranked.to_bytes()
        assert other.ranker_features_ == ranked.ranker_features_
        for subject in small_data.subject_ids[:10]:
            request = {"subject": subject, "explain": True}
            assert other.recommend_json(request) == ranked.recommend_json(request)
    fresh = clone(ranked)
    assert fresh.get_params()["depth"] == DEPTH
    with pytest.raises(errors.NotFittedError):
        fresh.recommend("a")


def test_attributes_of_items_become_features(ranked: pn.Pipeline) -> None:
    names = ranked.ranker_features_
    assert {"attribute_price", "relative_price", "affinity_category", "affinity_brand"} <= set(
        names
    )
    assert len(names) == len(set(names))


def test_the_default_ranker_is_fitted_in_a_blink(small_data: pn.Dataset) -> None:
    pipeline = pn.Pipeline(ranker=default_ranker()).fit(small_data)
    assert pipeline.engine.stages == STAGES


def test_cold_sources_give_no_features(small_known_data: pn.Dataset) -> None:
    pipeline = pn.Pipeline(ranker=small_ranker()).fit(small_known_data)
    assert "cold" in pipeline.weights_
    names = pipeline.ranker_features_
    assert "source_als_score" in names
    assert not any("hybrid" in name for name in names)
