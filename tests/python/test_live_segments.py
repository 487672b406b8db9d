"""Segments while serving: an event in, and membership is another before the next request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from live_server import serving
from penchant import features as ft
from penchant.errors import CorruptBundleError, InvalidArgumentError, NotFoundError

RULES = {
    "new": "count(purchase) == 0",
    "active": "count(purchase, 7d) >= 2",
    "lapsed": "recency(purchase) > 20d",
    "spender": "sum(value, purchase, 30d) > 4 and pieces > 3",
    "often": "distinct('item', purchase) >= 3",
}


def made(**more: Any) -> pn.Pipeline:
    plan = ft.Plan(
        [ft.sum("value", "purchase", name="pieces"), ft.count(by=("subject", "item"), name="met")]
    )
    return pn.Pipeline(
        [pn.ItemKNN(neighbors=20), pn.Popular(), pn.RepeatPurchase()],
        features=plan,
        ranker=pn.GBDTRanker(trees=15, leaves=6, learning_rate=0.3),
        segments=pn.SegmentSet(RULES, plan=plan),
        depth=40,
        **more,
    )


@pytest.fixture(scope="module")
def fitted(small_data: pn.Dataset) -> pn.Pipeline:
    return made(identity=pn.Identity()).fit(small_data)


@pytest.fixture(scope="module")
def bundle(fitted: pn.Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("segments") / "shop.penchant"
    fitted.save(path)
    return path


@pytest.fixture(scope="module")
def now(small_data: pn.Dataset) -> pd.Timestamp:
    return pd.Timestamp(small_data.to_frame()["time"].max())


def bought(subject: str | None, items: list[Any], time: pd.Timestamp, key: str, **who: str) -> Any:
    lines = [{"item": str(item), "quantity": 2, "price": 2.5} for item in items]
    out = {"type": "purchase", "time": time.isoformat() + "Z", "event_id": key,
           "fields": {"order_id": key, "lines": lines}, "identifiers": who}  # fmt: skip
    return out | ({} if subject is None else {"subject": subject})


def stream(data: pn.Dataset, now: pd.Timestamp, count: int) -> list[Any]:
    rng = np.random.default_rng(5)
    people = [*data.subject_ids[:6], "newcomer-1", "newcomer-2"]
    return [
        bought(
            str(people[rng.integers(len(people))]),
            list(rng.choice(data.item_ids, rng.integers(1, 4), replace=False)),
            now + pd.Timedelta(hours=int(rng.integers(1, 700))),
            f"e{k}",
        )
        for k in range(count)
    ]


def batch(data: pn.Dataset, events: list[Any]) -> tuple[pn.SegmentSet, Any]:
    """The segments, and a state of all events at once."""
    segments = made().segments
    assert segments is not None
    more = pd.DataFrame(
        [
            {"subject": e["subject"], "item": line["item"], "type": "purchase", "value": 2.0,
             "time": pd.Timestamp(e["time"]).tz_localize(None), "order": e["event_id"]}
            for e in events
            for line in e["fields"]["lines"]
        ],
        columns=["subject", "item", "type", "value", "time", "order"],
    )  # fmt: skip
    rows = data.to_frame().astype({"subject": str, "item": str})
    return segments, segments.replay(pd.concat([rows, more], ignore_index=True))


def checked(pipeline: Any, data: pn.Dataset, events: list[Any], now: pd.Timestamp) -> None:
    segments, state = batch(data, events)
    times = [pd.Timestamp(e["time"]).tz_localize(None) for e in events]
    clock = max([*times, now]) + pd.Timedelta(microseconds=1)
    sizes = segments.sizes(state, [clock]).iloc[0].to_dict()
    sizes.pop("time")
    assert pipeline.segment_sizes() == sizes
    for name in RULES:
        assert pipeline.segment_members(name) == sorted(segments.members(state, name, clock))
    for hours in (-300, 0, 24, 500, 900, 10_000):
        moment = now + pd.Timedelta(hours=hours)
        for subject in [*data.subject_ids[:4], "newcomer-1"]:
            point = pd.DataFrame({"subject": [str(subject)], "time": [moment]})
            row = segments.at(state, point).iloc[0]
            assert pipeline.segments_of(subject, moment) == [n for n in RULES if row[n]]


def test_membership_is_that_of_a_batch(
    bundle: Path, small_data: pn.Dataset, now: pd.Timestamp, tmp_path: Path
) -> None:
    events = stream(small_data, now, 60)
    pipeline = pn.load(bundle, data=tmp_path)
    checked(pipeline, small_data, [], now)
    for k, event in enumerate(events):
        pipeline.observe(event)
        if k % 20 == 0:
            checked(pipeline, small_data, events[: k + 1], now)
    checked(pipeline, small_data, events, now)
    del pipeline
    checked(pn.load(bundle, data=tmp_path), small_data, events, now)
    other = pn.load(bundle)
    for k in np.random.default_rng(1).permutation(60):
        other.observe(events[k])
        other.segment_sizes()
    checked(other, small_data, events, now)


def test_it_is_known_to_the_next_request(
    bundle: Path, fitted: pn.Pipeline, small_data: pn.Dataset, now: pd.Timestamp
) -> None:
    names = [f"segment.{name}" for name in RULES]
    assert [name for name in fitted.ranker_features_ if name.startswith("segment.")] == names
    assert not [name for name in fitted.ranker_features_ if "segments." in name]
    table = fitted.ranker_table(small_data)
    columns = table.values[:, [list(table.names).index(name) for name in names]]
    assert set(np.unique(columns)) == {0.0, 1.0}
    pipeline = pn.load(bundle)
    assert pipeline.segments_of("newcomer") == ["new"]
    items = small_data.item_ids[:3].tolist()
    later = now + pd.Timedelta(days=1)
    pipeline.observe(bought("newcomer", items, later, "a"))
    assert pipeline.segments_of("newcomer") == ["active", "spender", "often"]
    assert pipeline.segments_of("newcomer", later + pd.Timedelta(days=21)) == [
        "lapsed", "spender", "often"]  # fmt: skip
    assert json.loads(pipeline.subject_json("newcomer"))["segments"] == [
        "active", "spender", "often"]  # fmt: skip
    assert pipeline.erase("newcomer").erased["events"] == 1
    assert pipeline.segments_of("newcomer") == ["new"]
    with pytest.raises(NotFoundError, match="no segment"):
        pipeline.segment_members("nobody")


def test_who_is_somebody_else_now_is_counted_once(
    bundle: Path, small_data: pn.Dataset, now: pd.Timestamp
) -> None:
    pipeline = pn.load(bundle)
    items = small_data.item_ids[:3].tolist()
    before = pipeline.segment_sizes()
    pipeline.observe(bought(None, items, now, "a", cookie="c1"))
    assert pipeline.segment_members("often").count("cookie:c1") == 1
    assert pipeline.segment_sizes()["often"] == before["often"] + 1
    pipeline.observe(bought("x", items[:1], now, "b", cookie="c1"))
    assert "cookie:c1" not in pipeline.segment_members("often")
    assert "x" in pipeline.segment_members("often")
    assert pipeline.segment_sizes()["often"] == before["often"] + 1
    pipeline.unlink("x", "cookie:c1")
    assert "cookie:c1" in pipeline.segment_members("often")
    assert "x" not in pipeline.segment_members("often")
    assert sum(pipeline.segment_sizes().values()) == sum(
        len(pipeline.segment_members(name)) for name in RULES
    )


def test_the_server_tells_the_same(
    bundle: Path, small_data: pn.Dataset, now: pd.Timestamp, tmp_path: Path
) -> None:
    events = stream(small_data, now, 30)
    here = pn.load(bundle)
    people = [*small_data.subject_ids[:6].tolist(), "newcomer-1", "never"]

    def same(client: Any) -> None:
        for one in people:
            assert client.subject_json(one) == here.subject_json(one)
            request = {"subject": one, "k": 8, "explain": True}
            assert client.recommend_json(request) == here.recommend_json(request)
        told = client.metrics()
        for name, size in here.segment_sizes().items():
            assert told[f'penchant_segment_members{{segment="{name}"}}'] == size

    with serving(bundle, tmp_path) as client:
        for event in events:
            assert client.observe(event) == here.observe(event)
        same(client)
        assert client.metrics()["penchant_events_taken"] == 30
        assert client.metrics()["penchant_events_untotaled"] == 0
    with serving(bundle, tmp_path) as client:
        same(client)


def test_a_policy_may_be_told(small_data: pn.Dataset, now: pd.Timestamp) -> None:
    placement = pn.Placement(
        pn.LinUCB(alpha=0.1), offers=["a", "b"], context={"segments": ["active"]}
    )
    pipeline = made(placements={"home": placement}).fit(small_data)
    answer = json.loads(pipeline.recommend_json({"subject": "y", "placement": "home"}))
    assert pipeline.decision(answer["decision_id"])["context"] == [0.0]
    pipeline.observe(bought("y", small_data.item_ids[:2].tolist(), now, "a"))
    answer = json.loads(pipeline.recommend_json({"subject": "y", "placement": "home"}))
    assert pipeline.decision(answer["decision_id"])["context"] == [1.0]


def test_what_can_not_be_served_is_refused(small_data: pn.Dataset, bundle: Path) -> None:
    scored = pn.SegmentSet({"save": "risk > 0.5"}, scores=["risk"])
    with pytest.raises(InvalidArgumentError, match="scores \\(risk\\)"):
        pn.Pipeline(segments=scored).fit(small_data)
    with pytest.raises(InvalidArgumentError, match="SegmentSet"):
        pn.Pipeline(segments={"a": "b"}).fit(small_data)  # type: ignore[arg-type]
    alone = pn.Pipeline([pn.Popular()], segments=pn.SegmentSet(RULES | {"spender": "1 > 2"}))
    alone.fit(small_data)
    assert alone.segments_of(small_data.subject_ids[0]) != []
    raw = bundle.read_bytes()
    broken = raw.replace(b'"segments": [{"name": "new"', b'"segments": [{"nome": "new"')
    assert broken != raw
    (bundle.parent / "broken.penchant").write_bytes(broken)
    with pytest.raises(CorruptBundleError):
        pn.load(bundle.parent / "broken.penchant")
