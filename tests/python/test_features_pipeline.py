"""A plan in a pipeline: what its ranker learns from is what was known then, and what is served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from penchant import _core
from penchant import features as ft
from penchant._windows import FittedWindows
from penchant.errors import CorruptBundleError, InvalidArgumentError

WEIGHTS = {
    "repeats": {"als": 0.3, "item_knn": 0.2, "popular": 0.1, "repeat_purchase": 1.0},
    "new": {"als": 1.0, "item_knn": 0.5, "popular": 0.2},
}
DECLARED = [
    ft.recency("purchase", name="since_purchase"),
    ft.count(window="7d", name="week"),
    ft.count("purchase", by="item", window="14d", name="item_sold"),
    ft.count(by=("subject", "item"), name="met"),
    ft.sum("value", "purchase", by=("subject", "item"), name="pieces"),
    ft.decayed(half_life="10d", by="item", name="warm"),
    ft.expression("otherwise(met, 0) / (week + 1)", name="share"),
    ft.basket(of=ft.latest(4), name="lately"),
    ft.rank_in(ft.latest(4), name="had_at"),
    ft.together(ft.latest(3), None, name="with_last"),
    ft.together(ft.latest(3), None, how="lift", pool="max", name="lift"),
    ft.similarity(ft.latest(3), "look", name="like_last"),
    ft.count(by="item", window="14d", name="item_late").late("2d").bucketed("1d"),
    ft.last_items(2, name="last"),
]
LAST = ["last_1", "last_2"]


def declared(data: pn.Dataset) -> ft.Plan:
    vectors = np.random.default_rng(4).normal(size=(data.num_items, 6))
    return ft.Plan(DECLARED, embeddings={"look": (data.item_ids, vectors)})


def made(data: pn.Dataset, **more: Any) -> pn.Pipeline:
    sources = [
        pn.ALS(factors=6, iterations=4),
        pn.ItemKNN(neighbors=20),
        pn.Popular(window="14d"),
        pn.RepeatPurchase(),
    ]
    ranker = pn.GBDTRanker(trees=15, leaves=6, learning_rate=0.3)
    given = {"ranker": ranker, "depth": 40, "weights": WEIGHTS, "features": declared(data)}
    return pn.Pipeline(sources, **{**given, **more})


@pytest.fixture(scope="module")
def fitted(small_data: pn.Dataset) -> pn.Pipeline:
    return made(small_data).fit(small_data)


def test_the_ranker_has_the_columns_that_are_numbers(fitted: pn.Pipeline) -> None:
    mine = [name for name in fitted.ranker_features_ if name.startswith("plan.")]
    assert mine == [f"plan.{name}" for name in [*(one.name for one in DECLARED[:-1]), *LAST]]


def candidates(pipeline: pn.Pipeline, subject: Any) -> tuple[list[Any], pd.DataFrame]:
    request = json.dumps({"subject": subject, "k": 10, "exclude_seen": False})
    rows = _core.candidate_rows(pipeline.engine, request)
    names = pipeline.ranker_features_
    ids = pipeline.engine.context.items.take(rows["items"])
    return list(ids), pd.DataFrame(rows["values"], columns=names)


def test_what_is_served_is_what_the_plan_says(fitted: pn.Pipeline, small_data: pn.Dataset) -> None:
    state = declared(small_data).replay(small_data.to_frame())
    now = pd.Timestamp(small_data.to_frame()["time"].max())
    for subject in small_data.subject_ids[:20]:
        items, values = candidates(fitted, subject)
        assert items
        points = pd.DataFrame({"subject": subject, "item": items, "time": now})
        expected = state.at(points)
        for one in DECLARED[:-1]:
            np.testing.assert_array_equal(
                values[f"plan.{one.name}"], expected[one.name].astype("float32"), one.name
            )
        # Of what is an item a ranker learns whether it is the candidate.
        for name in LAST:
            known = expected[name].notna()
            same = (expected[name] == expected["item"]).astype("float32").where(known)
            np.testing.assert_array_equal(values[f"plan.{name}"], same, name)


def test_the_ranker_learns_from_what_was_known_then(small_data: pn.Dataset) -> None:
    pipeline = made(small_data)
    table = pipeline.ranker_table(small_data)
    # What comes after the first window's begin is changed, and no value of its rows with it.
    events = small_data.to_frame()
    window = next(iter(FittedWindows(small_data, pipeline._sources_for)))
    cut = pd.Timestamp(window.before.to_frame()["time"].max())
    changed = events.copy()
    later = changed["time"] > cut
    assert later.any()
    changed.loc[later, "value"] = 77.0
    changed.loc[later, "subject"] = changed.loc[later, "subject"].to_numpy()[::-1]
    again = pipeline.ranker_table(small_data, events=changed.rename(columns=_roles(small_data)))
    own = [k for k, name in enumerate(table.names) if name.startswith("plan.")]
    first = table.group_begin[-1] if table.groups < 2 else table.group_begin[1]
    np.testing.assert_array_equal(again.values[:first][:, own], table.values[:first][:, own])


def _roles(data: pn.Dataset) -> dict[str, str]:
    return {role: name for role, name in data.columns.items() if name}


def test_saved_and_loaded_it_answers_the_same_bytes(
    fitted: pn.Pipeline, small_data: pn.Dataset, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "shop.penchant")
    again = pn.load(tmp_path / "shop.penchant")
    for subject in small_data.subject_ids[:30]:
        request = {"subject": subject, "explain": True}
        assert again.recommend_json(request) == fitted.recommend_json(request)


def test_threads_do_not_show(fitted: pn.Pipeline, small_data: pn.Dataset) -> None:
    assert made(small_data, threads=1).fit(small_data).to_bytes() == fitted.to_bytes()


def test_the_moment_of_the_request_counts(fitted: pn.Pipeline, small_data: pn.Dataset) -> None:
    subject = small_data.subject_ids[0]
    later = pd.Timestamp(small_data.to_frame()["time"].max()) + pd.Timedelta(days=30)
    request = {"subject": subject, "context": {"time": later.isoformat() + "Z"}}
    rows = _core.candidate_rows(fitted.engine, json.dumps(request))
    week = fitted.ranker_features_.index("plan.week")
    assert (rows["values"][:, week] == 0).all()


def test_richer_events_and_what_makes_no_sense(small_data: pn.Dataset) -> None:
    with pytest.raises(InvalidArgumentError, match="features must be a Plan"):
        made(small_data, features=[ft.count()]).fit(small_data)
    with pytest.raises(InvalidArgumentError, match="events are for features="):
        made(small_data, features=None).fit(small_data, events=small_data.to_frame())
    with pytest.raises(InvalidArgumentError, match="no column 'margin'"):
        made(small_data, features=ft.Plan([ft.sum("margin")])).fit(small_data)
    roles = _roles(small_data)
    frame = small_data.to_frame().rename(columns=roles).assign(margin=0.5)
    pipeline = made(small_data, features=ft.Plan([ft.sum("margin", name="margin")])).fit(
        small_data, events=frame
    )
    assert "plan.margin" in pipeline.ranker_features_


def test_broken_profiles_are_refused(fitted: pn.Pipeline) -> None:
    reader = fitted.engine.bundle
    names = [
        section["name"] for section in reader.sections if section["name"].startswith("profiles/")
    ]
    assert {"profiles/plan", "profiles/times", "profiles/types"} <= set(names)
    vectors = np.array(reader.array("profiles/vectors/0"))
    with pytest.raises(CorruptBundleError, match="embedding"):
        _core.Engine.from_bundle(_rewritten(reader, "profiles/vectors/0", vectors[1:]), False)
    for name in ("profiles/event_items", "profiles/types", "profiles/event_subjects"):
        values = np.array(reader.array(name))
        values[0] = 2**30
        with pytest.raises(CorruptBundleError):
            _core.Engine.from_bundle(_rewritten(reader, name, values), False)
    shorter = np.array(reader.array("profiles/times"))[1:]
    with pytest.raises(CorruptBundleError, match="profiles"):
        _core.Engine.from_bundle(_rewritten(reader, "profiles/times", shorter), False)


def _rewritten(reader: Any, name: str, values: np.ndarray) -> Any:
    writer = _core.BundleWriter()
    for section in reader.sections:
        data = values if section["name"] == name else np.array(reader.array(section["name"]))
        writer.add(section["name"], data)
    return _core.BundleReader.from_bytes(writer.to_bytes(reader.lineage_json))
