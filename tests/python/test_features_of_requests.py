"""What requests say and what is known of subjects: learned from, served, live and on the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from live_server import serving
from penchant import _core
from penchant import features as ft
from penchant._windows import FittedWindows
from penchant.errors import CorruptBundleError, InvalidArgumentError

CONTEXTS = [
    ft.context("device", ["phone", "desktop"]),
    ft.context("location", ["north", "south"]),
    ft.context("page", ["home"]),
    ft.context("store", ["3"]),
    ft.context("distance"),
]
GROUPS = [
    ft.count("purchase", by="subject.region", window="14d", name="region_week"),
    ft.count("purchase", by=("subject.region", "item"), name="item_in_region"),
    ft.sum("quantity", "purchase", by=("subject.tier", "category"), window="21d", name="like_it"),
    ft.distinct("subject", by=("subject.region", "item"), name="region_buyers"),
    ft.count("purchase", by=("subject.tier", "item"), name="tier_late").late("1h"),
    ft.count("purchase", by=("segment.lately", "item"), window="21d", name="item_of_lately"),
    ft.sum("quantity", "purchase", by="segment.lately", name="pieces_of_lately"),
    ft.expression("item_in_region / (region_week + 1)", name="region_share"),
]
RULES = {"lately": "count(purchase, 7d) >= 1 or count(page_view, 2d) > 10"}
SAID = ["device", "location", "page", "store", "distance"]


def said_frame(data: pn.Dataset) -> pd.DataFrame:
    """The dataset's events with what their requests said, some of it missing."""
    rng = np.random.default_rng(8)
    frame = data.to_frame().rename(columns={"type": "event"})
    rows = len(frame)
    return frame.assign(
        quantity=frame["value"],
        device=rng.choice(["phone", "desktop", "watch", None], rows),
        location=rng.choice(["north", "south", ""], rows),
        page=rng.choice(["home", "sku-001"], rows),
        store=rng.integers(1, 5, rows),
        distance=rng.choice([0.5, 7.25, np.nan], rows),
    )


def made(**more: Any) -> pn.Pipeline:
    sources = [pn.ALS(factors=6, iterations=4), pn.ItemKNN(neighbors=20), pn.RepeatPurchase()]
    ranker = pn.GBDTRanker(trees=15, leaves=6, learning_rate=0.3)
    plan = ft.Plan([*CONTEXTS, *GROUPS], RULES)
    return pn.Pipeline(sources, **{"features": plan, "ranker": ranker, "depth": 40, **more})


@pytest.fixture(scope="module")
def fitted(small_known_data: pn.Dataset) -> pn.Pipeline:
    return made().fit(small_known_data, events=said_frame(small_known_data))


@pytest.fixture(scope="module")
def bundle(fitted: pn.Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("said") / "shop.penchant"
    fitted.save(path)
    return path


def listening(data: pn.Dataset, names: list[str]) -> pn.Pipeline:
    """A funnel whose ranker goes by what requests say."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.choice([0.0, 1.0, 6.0, np.nan], (2000, len(names))), columns=names)
    wanted = sum(
        (k + 2) * (rows[f"plan.{name}"] == 1).to_numpy()
        for k, name in enumerate(["device_phone", "location_south", "page_home", "store_3"])
    )
    wanted = wanted + 20 * (rows["plan.distance"] > 2).to_numpy()
    forest = pn.GBDTRegressor(trees=40, leaves=16).fit(rows, wanted).forest_
    ranker = pn.ranking.Forest({**forest.to_arrays(), "feature_names": names})
    return made(ranker=ranker).fit(data, events=said_frame(data))


def candidates(pipeline: pn.Pipeline, request: dict[str, Any]) -> pd.DataFrame:
    rows = _core.candidate_rows(pipeline.engine, json.dumps(request))
    frame = pd.DataFrame(rows["values"], columns=pipeline.ranker_features_)
    return frame.assign(item=pipeline.engine.context.items.take(rows["items"]))


def contexts() -> list[dict[str, Any]]:
    return [
        {},
        {"device": "phone", "location": "south", "page": "home",
         "attributes": {"store": 3, "distance": 2.5}},
        {"device": "watch", "page": {"item": "sku-001"}, "attributes": {"store": "3"}},
        {"location": "east", "attributes": {"store": 4, "distance": None}},
    ]  # fmt: skip


def said_by(context: dict[str, Any]) -> dict[str, Any]:
    """The same as columns of points."""
    page = context.get("page")
    attributes = context.get("attributes", {})
    store = attributes.get("store")
    return {
        "device": context.get("device"),
        "location": context.get("location"),
        "page": page["item"] if isinstance(page, dict) else page,
        "store": None if store is None else str(store),
        "distance": attributes.get("distance"),
    }


def test_what_is_served_is_what_the_plan_says(
    fitted: pn.Pipeline, small_known_data: pn.Dataset
) -> None:
    plan = ft.Plan([*CONTEXTS, *GROUPS], RULES)
    state = plan.replay(
        said_frame(small_known_data), type="event", catalog=small_known_data.item_attributes,
        subjects=small_known_data.subject_attributes,
    )  # fmt: skip
    now = pd.Timestamp(small_known_data.to_frame()["time"].max())
    told = 0
    for subject in small_known_data.subject_ids[:6]:
        for context in contexts():
            values = candidates(fitted, {"subject": subject, "context": context})
            points = pd.DataFrame({"subject": subject, "item": values["item"], "time": now})
            expected = state.at(points.assign(**said_by(context)))
            for name in set(plan.columns) - set(RULES):
                np.testing.assert_array_equal(
                    values[f"plan.{name}"], expected[name].astype("float32"), name
                )
            told += int((values["plan.item_in_region"] > 0).sum())
    assert told > 50


def test_a_ranker_learns_with_what_was_said_then(small_known_data: pn.Dataset) -> None:
    frame = said_frame(small_known_data)
    pipeline = made()
    table = pipeline.ranker_table(small_known_data, events=frame)
    at = {name: table.names.index(f"plan.{name}") for name in ("device_phone", "distance")}
    window = next(iter(FittedWindows(small_known_data, pipeline._sources_for)))
    times = window.inside.to_frame()["time"]
    inside = frame[(frame["time"] >= times.min()) & (frame["time"] <= times.max())]
    inside = inside.sort_values("time", kind="stable")
    known = 0
    for group in range(10):
        first = table.group_begin[group]
        own = inside[inside["subject"] == small_known_data.subject_ids[table.subject[group]]]
        devices = own["device"].dropna()
        wanted = np.nan if devices.empty else float(devices.iloc[0] == "phone")
        np.testing.assert_array_equal(table.values[first, at["device_phone"]], wanted)
        far = own["distance"].dropna()
        wanted = np.nan if far.empty else far.iloc[0]
        np.testing.assert_array_equal(table.values[first, at["distance"]], np.float32(wanted))
        known += not devices.empty
    assert known > 3
    # What is said later is not heard.
    later = frame.copy()
    after = later["time"] > times.max()
    later.loc[~after & ~later.index.isin(inside.index), SAID[:3]] = "elsewhere"
    again = pipeline.ranker_table(small_known_data, events=later)
    end = table.group_begin[10]
    np.testing.assert_array_equal(
        again.values[:end, at["device_phone"]], table.values[:end, at["device_phone"]]
    )


def test_the_server_says_the_same(
    bundle: Path, small_known_data: pn.Dataset, tmp_path: Path
) -> None:
    now = pd.Timestamp(small_known_data.to_frame()["time"].max())
    people = [*small_known_data.subject_ids[:5].tolist(), "newcomer", None]
    requests = [
        {"subject": one, "k": 10, "explain": True, "context": context}
        for one in people
        for context in contexts()
    ]
    here = pn.load(bundle)
    events = []
    for k in range(12):
        line = {"item": str(small_known_data.item_ids[k % 5]), "quantity": 1 + k % 3, "price": 2.5}
        time = now + pd.Timedelta(minutes=(k * 7) % 12)
        events.append(
            {"type": "purchase", "event_id": f"e{k}", "subject": str(people[k % 6]),
             "time": time.isoformat() + "Z", "fields": {"order_id": f"o{k}", "lines": [line]}}
        )  # fmt: skip
    with serving(bundle, tmp_path / "state") as client:
        for event in events:
            assert client.observe(event) == here.observe(event) == "accepted"
        said = [client.recommend_json(one) for one in requests]
        assert said == [here.recommend_json(one) for one in requests]
    # In any order, and after a restart.
    other = pn.load(bundle)
    for event in events[::-1]:
        other.observe(event)
    assert said == [other.recommend_json(one) for one in requests]
    with serving(bundle, tmp_path / "state") as client:
        assert said == [client.recommend_json(one) for one in requests]


def test_the_server_hears_what_requests_say(
    fitted: pn.Pipeline, small_known_data: pn.Dataset, tmp_path: Path
) -> None:
    shop = listening(small_known_data, fitted.ranker_features_)
    shop.save(tmp_path / "shop.penchant")
    subject = small_known_data.subject_ids[0]
    requests = [{"subject": subject, "k": 5, "context": one} for one in contexts()]
    said = [shop.recommend_json(one) for one in requests]
    scores = [json.loads(one)["items"][0]["score"] for one in said]
    assert len(set(scores)) == len(requests)
    assert scores[1] == max(scores)
    with serving(tmp_path / "shop.penchant", None) as client:
        assert [client.recommend_json(one) for one in requests] == said


def test_groups_go_on_live(small_known_data: pn.Dataset) -> None:
    plan = ft.Plan(GROUPS, RULES)
    rows = small_known_data.to_frame().rename(columns={"type": "event"}).assign(quantity=1.0)
    pipeline = made(features=plan).fit(small_known_data, events=rows)
    tables = {
        "catalog": small_known_data.item_attributes,
        "subjects": small_known_data.subject_attributes,
    }
    now = pd.Timestamp(rows["time"].max()) + pd.Timedelta(hours=1)
    items = [str(one) for one in small_known_data.item_ids[:8]]
    people = [*small_known_data.subject_ids[:20].tolist(), "stranger"]
    rng = np.random.default_rng(2)
    more = []
    for k in range(60):
        who, item = str(rng.choice(people)), str(rng.choice(items))
        time = now + pd.Timedelta(seconds=int(rng.integers(0, 3000)))
        fields = {"order_id": f"o{k}", "lines": [{"item": item, "quantity": 2}]}
        event = {"type": "purchase", "event_id": f"e{k}", "subject": who,
                 "time": time.isoformat() + "Z", "fields": fields}  # fmt: skip
        assert pipeline.observe(event) == "accepted"
        more.append({"subject": who, "item": item, "time": time, "event": "purchase",
                     "quantity": 2.0})  # fmt: skip
    both = pd.concat([rows.astype({"subject": str}), pd.DataFrame(more)], ignore_index=True)
    later = plan.replay(both, type="event", **tables)
    before = plan.replay(rows, type="event", **tables)
    moment = now + pd.Timedelta(hours=2)
    told = changed = 0
    for subject in people[:6]:
        context = {"time": moment.isoformat() + "Z"}
        request = {"subject": subject, "k": 40, "explain": True, "context": context}
        answer = json.loads(pipeline.recommend_json(request))["items"]
        points = pd.DataFrame(
            {"subject": str(subject), "item": [str(one["item"]) for one in answer], "time": moment}
        )
        expected, old = later.at(points), before.at(points)
        for at, one in enumerate(answer):
            for share in (one.get("ranker") or {}).get("features", []):
                name = share["feature"].removeprefix("plan.")
                if share["feature"].startswith("plan."):
                    assert np.float32(share["value"]) == np.float32(expected[name][at]), name
                    told += 1
                    changed += expected[name][at] != old[name][at]
    assert told > 50
    assert changed > 3


def test_bundles_whose_subjects_do_not_fit_are_refused(fitted: pn.Pipeline) -> None:
    reader = fitted.engine.bundle

    def with_codes(values: np.ndarray) -> Any:
        writer = _core.BundleWriter()
        for section in reader.sections:
            same = section["name"] != "profiles/subject_codes/0"
            writer.add(section["name"], np.array(reader.array(section["name"])) if same else values)
        return _core.BundleReader.from_bytes(writer.to_bytes(reader.lineage_json))

    codes = np.array(reader.array("profiles/subject_codes/0"))
    assert (codes >= 0).any()
    _core.Engine.from_bundle(with_codes(codes), False)
    for wrong in (
        codes[1:],
        np.where(codes == 0, 2**31 - 1, codes),
        np.where(codes == 0, -7, codes),
    ):
        with pytest.raises(CorruptBundleError):
            _core.Engine.from_bundle(with_codes(wrong.astype(np.int32)), False)


def test_segments_of_the_pipeline_serve_for_keys(small_known_data: pn.Dataset) -> None:
    rows = said_frame(small_known_data)
    of_plan = made().fit(small_known_data, events=rows)
    own = made(features=ft.Plan([*CONTEXTS, *GROUPS]), segments=pn.SegmentSet(RULES)).fit(
        small_known_data, events=rows
    )
    request = {"subject": small_known_data.subject_ids[0], "k": 10, "explain": True}
    assert own.recommend_json(request) == of_plan.recommend_json(request)
    # A bundle whose rules lack the segment, or are none, is refused.
    reader = own.engine.bundle
    rules = bytes(reader.array("profiles/rules"))
    for wrong in (rules.replace(b"lately", b"before"), b"{", b"[]"):
        writer = _core.BundleWriter()
        for section in reader.sections:
            data = np.array(reader.array(section["name"]))
            same = section["name"] != "profiles/rules"
            writer.add(section["name"], data if same else np.frombuffer(wrong, np.uint8))
        with pytest.raises(CorruptBundleError):
            _core.Engine.from_bundle(
                _core.BundleReader.from_bytes(writer.to_bytes(reader.lineage_json)), False
            )


def test_segments_that_keys_are_by_have_rules(small_known_data: pn.Dataset) -> None:
    by = [ft.count(by="segment.vip", name="of_vip")]
    frame = small_known_data.to_frame()
    with pytest.raises(InvalidArgumentError, match="by the segment 'vip', and the plan has none"):
        ft.Plan(by, {"other": "count() > 1"})
    with pytest.raises(InvalidArgumentError, match="give its rule: Plan"):
        ft.Plan(by).replay(frame)
    with pytest.raises(InvalidArgumentError, match="'of_vip' is not about subjects"):
        ft.Plan(by, {"vip": "of_vip > 1"}).replay(frame)
    scored = pn.SegmentSet({"vip": "risk > 1"}, plan=ft.Plan(by), scores=["risk"])
    with pytest.raises(InvalidArgumentError, match="can't rest on scores"):
        scored.replay(frame)
    segments = pn.SegmentSet({"vip": "count() > 1"}, plan=ft.Plan(by))
    state = segments.replay(frame)
    assert segments.members(state, "vip", "2025-02-01")


def test_what_is_missing_is_told(small_data: pn.Dataset, small_known_data: pn.Dataset) -> None:
    with pytest.raises(InvalidArgumentError, match="features ask for contexts \\('device'"):
        made().fit(small_known_data)
    with pytest.raises(InvalidArgumentError, match="no column 'store' to be the context 'store'"):
        made().fit(small_known_data, events=said_frame(small_known_data).drop(columns="store"))
    with pytest.raises(InvalidArgumentError, match="attributes of subjects \\('region'"):
        made().fit(small_data, events=said_frame(small_data))
    frame = said_frame(small_known_data).rename(columns={"event": "type"})
    far = ft.Plan([ft.context("distance"), ft.count(by="subject.planet")])
    with pytest.raises(InvalidArgumentError, match="no column 'planet' to be the attribute"):
        far.replay(frame, subjects=small_known_data.subject_attributes)
    state = ft.Plan([ft.context("distance"), ft.context("store", ["3"])]).replay(frame)
    points = frame[["subject", "time", "store", "distance"]].head(3)
    with pytest.raises(InvalidArgumentError, match="no column 'distance' to be the context"):
        state.at(points.drop(columns="distance"))
    with pytest.raises(InvalidArgumentError, match="it has to be texts, numbers or booleans"):
        state.at(points.assign(store=pd.Timestamp("2024-01-01")))
    with pytest.raises(InvalidArgumentError, match="holds values of several types"):
        state.at(points.assign(store=[1, "a", 2.5]))
    with pytest.raises(InvalidArgumentError, match="holds texts; say which it tells apart"):
        state.at(points.assign(distance="far"))
    near = pn.SegmentSet({"near": "distance < 3"}, plan=ft.Plan([ft.context("distance")]))
    with pytest.raises(InvalidArgumentError, match="'distance' is not about subjects"):
        near.members(near.replay(frame), "near", "2025-02-01")
