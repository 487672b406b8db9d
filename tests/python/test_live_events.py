"""Events while serving: taken once, known to the next request, the same on the server, erasable."""

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
from penchant.errors import BadDataError, NotFoundError

PLAN = [
    ft.count("purchase", by="item", window="7d", name="item_week"),
    ft.count(by=("subject", "item"), name="met"),
    ft.sum("value", "purchase", name="pieces"),
    ft.recency(name="since"),
    ft.basket("pieces", of=ft.cart(quantity="value"), name="in_cart"),
    ft.rank_in("cart", name="cart_at"),
    ft.together("cart", name="with_cart"),
    ft.together(ft.latest(3), how="lift", pool="max", name="lift"),
    ft.sum("value", "purchase", name="kept").net_of(quantity="value"),
    ft.count(by="item", window="7d", name="item_late").late("1h"),
]


def made() -> pn.Pipeline:
    sources = [pn.ALS(factors=6, iterations=4), pn.ItemKNN(neighbors=20), pn.RepeatPurchase()]
    ranker = pn.GBDTRanker(trees=15, leaves=6, learning_rate=0.3)
    return pn.Pipeline(sources, features=ft.Plan(PLAN), ranker=ranker, depth=40)


@pytest.fixture(scope="module")
def bundle(small_data: pn.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "shop.penchant"
    made().fit(small_data).save(path)
    return path


@pytest.fixture(scope="module")
def now(small_data: pn.Dataset) -> pd.Timestamp:
    return pd.Timestamp(small_data.to_frame()["time"].max())


def bought(
    subject: Any, items: list[Any], time: pd.Timestamp, event_id: str | None = None, **more: Any
) -> dict[str, Any]:
    lines = [{"item": str(item), "quantity": 2, "price": 2.5} for item in items]
    event = {"type": "purchase", "subject": str(subject), "time": time.isoformat() + "Z",
             "fields": {"order_id": f"o{event_id}", "lines": lines}}  # fmt: skip
    return event | ({} if event_id is None else {"event_id": event_id}) | more


def stream(data: pn.Dataset, now: pd.Timestamp, count: int, seed: int) -> list[dict[str, Any]]:
    """Purchases, carts and returns of known and new people, some twice, out of order."""
    rng = np.random.default_rng(seed)
    people = [*data.subject_ids[:8], "newcomer-1", "newcomer-2"]
    events = [
        bought(
            people[rng.integers(len(people))],
            list(rng.choice(data.item_ids, rng.integers(1, 4), replace=False)),
            now + pd.Timedelta(seconds=int(rng.integers(1, 100_000))),
            f"e{k}",
        )
        for k in range(count)
    ]
    for k, event in enumerate(events):
        line = event["fields"]["lines"][0]
        if k % 4 == 1:
            events[k] = {**event, "type": "add_to_cart", "item": line["item"],
                         "fields": {"quantity": 3, "price": 2.5}}  # fmt: skip
        if k % 4 == 3 and k > 4:
            back = events[k - 3]
            returned = back["fields"].get("lines", [line])[:1]
            events[k] = {**event, "type": "return", "subject": back["subject"],
                         "fields": {"order_id": "any", "lines": returned}}  # fmt: skip
    again = [events[k] for k in rng.integers(count, size=count // 4)]
    return [*events, *again]


def answers(pipeline: Any, data: pn.Dataset) -> list[bytes]:
    people = [*data.subject_ids[:8].tolist(), "newcomer-1", "newcomer-2", None]
    return [pipeline.recommend_json({"subject": one, "k": 10, "explain": True}) for one in people]


def test_the_next_request_knows(bundle: Path, small_data: pn.Dataset, now: pd.Timestamp) -> None:
    pipeline = pn.load(bundle)
    before = json.loads(pipeline.recommend_json({"subject": "newcomer-1", "k": 10}))
    assert before["level"] == "popularity"
    items = small_data.item_ids[:3].tolist()
    assert pipeline.observe(bought("newcomer-1", items, now, "a")) == "accepted"
    after = json.loads(pipeline.recommend_json({"subject": "newcomer-1", "k": 10}))
    assert after["level"] == "context"
    assert [one["item"] for one in after["items"]] != [one["item"] for one in before["items"]]
    seen = pipeline.recommend("newcomer-1", k=10, exclude_seen=True)
    assert not set(seen["item"]) & set(items)
    # Someone else is not touched, but for the moment and what the whole shop did.
    assert pipeline.observe(bought("newcomer-1", items, now, "a")) == "duplicate"


def test_the_plan_goes_on(bundle: Path, small_data: pn.Dataset, now: pd.Timestamp) -> None:
    pipeline = pn.load(bundle)
    events = stream(small_data, now, 40, 1)
    for event in events:
        pipeline.observe(event)
    # What a plan would know that had seen everything at once.
    rows = small_data.to_frame()
    kept = {event["event_id"]: event for event in events}.values()
    more = pd.DataFrame(
        [
            {"subject": e["subject"], "item": line["item"], "type": e["type"],
             "value": line["quantity"], "time": pd.Timestamp(e["time"]).tz_localize(None)}
            for e in kept
            for line in e["fields"].get("lines", [{"item": e.get("item"), "quantity": 3}])
        ]
    )  # fmt: skip
    both = pd.concat([rows.astype({"subject": str, "item": str}), more], ignore_index=True)
    state = ft.Plan(PLAN).replay(both)
    later = both["time"].max() + pd.Timedelta(hours=1)
    names = pipeline.ranker_features_
    for subject in [*small_data.subject_ids[:4]]:
        request = {"subject": subject, "context": {"time": later.isoformat() + "Z"}}
        explained = json.loads(pipeline.recommend_json({**request, "explain": True, "k": 40}))
        points = pd.DataFrame(
            {"subject": str(subject), "item": [str(one["item"]) for one in explained["items"]],
             "time": later}
        )  # fmt: skip
        expected = state.at(points)
        told = 0
        for at, one in enumerate(explained["items"]):
            for share in (one.get("ranker") or {}).get("features", []):
                name = share["feature"].removeprefix("plan.")
                if share["feature"].startswith("plan."):
                    assert share["feature"] in names
                    assert np.float32(share["value"]) == np.float32(expected[name][at]), name
                    told += 1
        assert told


def test_the_order_of_arrival_does_not_show(
    bundle: Path, small_data: pn.Dataset, now: pd.Timestamp
) -> None:
    events = stream(small_data, now, 60, 2)
    one, other, many = pn.load(bundle), pn.load(bundle), pn.load(bundle)
    for event in events:
        one.observe(event)
    for k in np.random.default_rng(0).permutation(len(events)):
        other.observe(events[k])
    outcomes = json.loads(many.events_json({"events": events}))["outcomes"]
    assert [each["outcome"] for each in outcomes].count("accepted") == 60
    assert answers(one, small_data) == answers(other, small_data) == answers(many, small_data)


def test_what_breaks_its_schema_is_told(bundle: Path, now: pd.Timestamp) -> None:
    pipeline = pn.load(bundle)
    with pytest.raises(BadDataError, match="lines"):
        pipeline.observe({"type": "purchase", "subject": "x", "time": now.isoformat() + "Z"})
    told = json.loads(pipeline.events_json({"events": [{"type": "what", "subject": "x"}]}))
    assert told["outcomes"][0]["outcome"] == "rejected"
    assert told["outcomes"][0]["reason"] == "unknown_type"
    assert len(told["outcomes"][0]["payload_hash"]) == 16
    with pytest.raises(pn.errors.InvalidArgumentError, match="at most"):
        pipeline.events_json({"events": [{}] * 10_001})
    with pytest.raises(pn.errors.InvalidArgumentError, match="want"):
        pipeline.events_json({"events": 3})


def test_erased_it_never_was(bundle: Path, small_data: pn.Dataset, now: pd.Timestamp) -> None:
    events = stream(small_data, now, 40, 3)
    gone = str(small_data.subject_ids[2])
    without, pipeline = pn.load(bundle), pn.load(bundle)
    for event in events:
        pipeline.observe(event)
        if event["subject"] != gone:
            without.observe(event)
    mine = {event["event_id"] for event in events if event["subject"] == gone}
    assert pipeline.erase(gone).erased["events"] == len(mine) > 0
    assert pipeline.erase(gone).erased["events"] == 0
    assert answers(pipeline, small_data) == answers(without, small_data)


def test_the_server_says_the_same_also_after_a_restart(
    bundle: Path, small_data: pn.Dataset, now: pd.Timestamp, tmp_path: Path
) -> None:
    events = stream(small_data, now, 50, 4)
    here = pn.load(bundle)
    with serving(bundle, tmp_path / "state") as client:
        for event in events[:30]:
            assert client.observe(event) == here.observe(event)
        assert answers(client, small_data) == answers(here, small_data)
    with serving(bundle, tmp_path / "state") as client:
        assert answers(client, small_data) == answers(here, small_data)
        for event in events:
            assert client.observe(event) == here.observe(event)
        assert answers(client, small_data) == answers(here, small_data)
        gone = str(small_data.subject_ids[1])
        assert client.erase(gone) == here.erase(gone)
    # The folder of a stopped server, read in a notebook.
    again = pn.load(bundle, data=tmp_path / "state")
    assert answers(again, small_data) == answers(here, small_data)


def test_events_of_any_age_count_once(
    bundle: Path, small_data: pn.Dataset, now: pd.Timestamp, tmp_path: Path
) -> None:
    items = small_data.item_ids[:4].tolist()
    late = [bought("x", [items[k]], now + pd.Timedelta(days=k), f"e{k}") for k in range(4)]
    old = [bought("x", [items[k]], now - pd.Timedelta(days=30 + k), f"old{k}") for k in range(3)]
    here, other = pn.load(bundle, data=tmp_path), pn.load(bundle)
    for event in [*late, bought("x", items[:1], now + pd.Timedelta(days=60), "last"), *old]:
        assert here.observe(event) == "accepted"
    for event in [*old, *late]:
        assert here.observe(event) == "duplicate"
    for event in [*old, *late, bought("x", items[:1], now + pd.Timedelta(days=60), "last")]:
        assert other.observe(event) == "accepted"
    assert answers(here, small_data) == answers(other, small_data)
    del here
    again = pn.load(bundle, data=tmp_path)
    for event in [*old, *late]:
        assert again.observe(event) == other.observe(event) == "duplicate"
    told = json.loads(again.events_json({"events": [*old, bought("x", items, now, "n"), old[0]]}))
    assert [one["outcome"] for one in told["outcomes"]] == ["duplicate"] * 3 + [
        "accepted",
        "duplicate",
    ]


def test_events_of_one_moment_count_in_the_order_of_their_ids(
    bundle: Path, small_data: pn.Dataset, now: pd.Timestamp
) -> None:
    items = small_data.item_ids[:6].tolist()
    events = [bought("x", [items[k % 6], items[k % 2]], now, f"e{k}") for k in range(8)]
    found = set()
    for seed in range(4):
        pipeline = pn.load(bundle)
        for k in np.random.default_rng(seed).permutation(8):
            pipeline.observe(events[k])
        found.add(pipeline.recommend_json({"subject": "x", "k": 10, "explain": True}))
    assert len(found) == 1


def test_the_taxonomy_travels_in_the_bundle(
    small_data: pn.Dataset, now: pd.Timestamp, tmp_path: Path
) -> None:
    taxonomy = pn.events.Taxonomy.default().add(
        "wishlist", item="required", fields={"priority": {"kind": "integer"}}
    )
    plan = ft.Plan([ft.count("wishlist", name="wished"), ft.sum("priority", "wishlist", name="p")])
    frame = small_data.to_frame().rename(columns={"type": "event"}).assign(priority=0)
    pipeline = pn.Pipeline(
        [pn.ItemKNN(neighbors=20), pn.Popular()],
        features=plan,
        ranker=pn.GBDTRanker(trees=3, leaves=4),
        taxonomy=taxonomy,
    ).fit(small_data, events=frame)
    pipeline.save(tmp_path / "shop.penchant")
    shop = pn.load(tmp_path / "shop.penchant", data=tmp_path / "state")
    wish = {"type": "wishlist", "subject": "x", "item": str(small_data.item_ids[0]),
            "time": now.isoformat() + "Z", "fields": {"priority": 3}, "event_id": "w"}  # fmt: skip
    assert shop.observe(wish) == "accepted"
    with pytest.raises(BadDataError, match="priority"):
        shop.observe(wish | {"fields": {"priority": "high"}, "event_id": "v"})
    assert pn.events.Taxonomy(shop.engine.taxonomy).to_dict() == taxonomy.to_dict()
    del shop
    assert pn.load(tmp_path / "shop.penchant", data=tmp_path / "state").observe(wish) == "duplicate"
    with pytest.raises(BadDataError, match="unknown_type"):
        made_plain(small_data).observe(wish)


def made_plain(data: pn.Dataset) -> pn.Pipeline:
    return pn.Pipeline([pn.Popular()]).fit(data)


def test_without_a_folder_nothing_is_taken(bundle: Path, now: pd.Timestamp) -> None:
    with serving(bundle, None) as client, pytest.raises(NotFoundError, match="--data"):
        client.observe(bought("x", ["sku-001"], now))


def test_sums_that_have_no_room_do_not_keep_it_from_starting(
    bundle: Path, small_data: pn.Dataset, tmp_path: Path, now: pd.Timestamp
) -> None:
    folder = tmp_path / "state"
    item = str(small_data.item_ids[0])
    line = {"item": item, "quantity": 9e8, "price": 1}
    events = [
        bought("x", [], now, f"e{k}") | {"fields": {"order_id": f"o{k}", "lines": [line] * 100}}
        for k in range(120)
    ]
    events.append(bought("x", [], now, "large"))
    events[-1]["fields"]["lines"] = [{**line, "quantity": 9e12}]
    pipeline = pn.load(bundle, data=folder)
    outcomes = json.loads(pipeline.events_json({"events": events}))["outcomes"]
    assert {one["outcome"] for one in outcomes} <= {"accepted", "rejected"}
    before = answers(pipeline, small_data)
    del pipeline
    again = pn.load(bundle, data=folder)
    assert again.observe(events[0]) == "duplicate"
    assert answers(again, small_data) == before
