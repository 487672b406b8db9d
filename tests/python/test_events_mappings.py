"""Events of other trackers, in payloads written after their public specifications."""

from __future__ import annotations

import json
from typing import Any

import pytest

import penchant as pn
from penchant.errors import InvalidArgumentError, NotFoundError

TAXONOMY = pn.events.Taxonomy.default()
TIME = "2026-03-01T09:30:00.000Z"


def mapped(name: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The events that a payload becomes, as they pass the door."""
    found = pn.events.mapping(name).apply(payload)
    assert isinstance(found, list), found
    out = [TAXONOMY.read(one) for one in found]
    assert not any(isinstance(one, pn.events.Rejection) for one in out), out
    return out


def track(event: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": event,
        "messageId": "m-1",
        "timestamp": TIME,
        "originalTimestamp": "2026-03-01T09:29:58.000Z",
        "anonymousId": "anon-5",
        "userId": "user-9",
        "context": {
            "page": {"path": "/sale", "url": "https://shop.example/sale"},
            "device": {"type": "ios"},
            "traits": {"email": "kim@example.org"},
        },
        "properties": properties,
    }


PRODUCTS = [
    {"product_id": "p-1", "sku": "S1", "name": "Teapot", "price": 24.5, "quantity": 2},
    {"sku": "S2", "name": "Cup", "price": "3.25"},
]


def test_segment_order_completed():
    payload = track(
        "Order Completed",
        order_id="o-77",
        currency="USD",
        total=52.25,
        tax=2,
        shipping=3.5,
        discount=1,
        products=PRODUCTS,
    )
    (one,) = mapped("segment", payload)
    assert one == {
        "event_id": "m-1",
        "type": "purchase",
        "time": "2026-03-01T09:30:00Z",
        "subject": "user-9",
        "identifiers": {"anonymous_id": "anon-5", "email": "kim@example.org"},
        "context": {"device": "ios", "page": "/sale"},
        "fields": {
            "order_id": "o-77",
            "currency": "USD",
            "tax": 2,
            "shipping": 3.5,
            "discount": 1,
            "lines": [
                {"item": "p-1", "quantity": 2, "price": 24.5},
                {"item": "S2", "price": 3.25},
            ],
        },
    }


@pytest.mark.parametrize(
    ("event", "properties", "type", "item", "fields"),
    [
        ("Products Searched", {"query": "teapot"}, "search", None, {"query": "teapot"}),
        ("Product Viewed", {"product_id": "p-1"}, "page_view", "p-1", {}),
        ("Viewed Product", {"sku": "S1"}, "page_view", "S1", {}),
        ("Product Clicked", {"product_id": 1, "position": 3}, "click", "1", {"position": 3}),
        (
            "Product Added",
            {"product_id": "p", "quantity": 2, "price": 1.5},
            "add_to_cart",
            "p",
            {"quantity": 2, "price": 1.5},
        ),
        ("Product Removed", {"product_id": "p"}, "remove_from_cart", "p", {"quantity": 1}),
        (
            "Product List Viewed",
            {"list_id": "deals", "products": PRODUCTS},
            "page_view",
            None,
            {"category": "deals", "url": "https://shop.example/sale"},
        ),
        ("Promotion Viewed", {"promotion_id": "x"}, "offer_served", None, {"offer": "x"}),
        ("Promotion Clicked", {"name": "Sale"}, "offer_engaged", None, {"offer": "Sale"}),
        (
            "Order Refunded",
            {"order_id": "o", "total": 5, "products": PRODUCTS[:1]},
            "return",
            None,
            {
                "order_id": "o",
                "amount": 5,
                "lines": [{"item": "p-1", "quantity": 2, "price": 24.5}],
            },
        ),
        ("Email Opened", {"email_id": "e"}, "email_open", None, {"message": "e"}),
    ],
)
def test_segment_events(event, properties, type, item, fields):
    (one,) = mapped("segment", track(event, **properties))
    assert one["type"] == type
    assert one.get("item") == item
    assert one["fields"] == fields


def test_segment_calls_that_are_no_track():
    page = {"type": "page", "name": "Home", "anonymousId": "a", "timestamp": TIME, "messageId": "1"}
    (one,) = mapped("segment", {**page, "properties": {"url": "https://shop.example/"}})
    assert one["type"] == "page_view"
    assert one["fields"] == {"title": "Home", "url": "https://shop.example/"}
    (one,) = mapped("segment", {"type": "identify", "userId": "u", "timestamp": TIME})
    assert one["type"] == "login"
    rest = pn.events.mapping("segment").apply(track("Cart Viewed"))
    assert rest.reason == "unmapped"


ACTION = "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2"
ENTITY = "iglu:com.snowplowanalytics.snowplow.ecommerce/{}/jsonschema/1-0-0"
TEAPOT = {"id": "t", "category": "Kitchen/Tea", "price": 24.5, "currency": "GBP", "quantity": 2}
CUP = {"id": "c", "category": "Kitchen/Tea", "price": 3.25, "currency": "GBP", "position": 4}
SALE = {"transaction_id": "T-1", "revenue": 52.25, "currency": "GBP", "payment_method": "card"}
REFUND = {"transaction_id": "T-1", "currency": "GBP", "refund_amount": 3.25, "refund_reason": "?"}
PROMOTION = {"id": "spring", "slot": "home-1", "position": 2}
HEAD = {
    "event_id": "e-1",
    "event": "unstruct",
    "app_id": "web-shop",
    "platform": "web",
    "derived_tstamp": TIME,
    "collector_tstamp": "2026-03-01T09:30:01Z",
    "user_id": None,
    "domain_userid": "d-5",
    "page_urlpath": "/tea",
}


def as_sent(action: str, **entities: list[dict[str, Any]]) -> dict[str, Any]:
    """Self-describing JSON, with an entity that no rule asks for among the others."""
    page = {"schema": ENTITY.format("page"), "data": {"type": "checkout"}}
    found = [
        {"schema": ENTITY.format(name), "data": data}
        for name, many in entities.items()
        for data in many
    ]
    return {
        **HEAD,
        "unstruct_event": {
            "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
            "data": {"schema": ACTION, "data": {"type": action}},
        },
        "contexts": {
            "schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0",
            "data": [page, *found],
        },
    }


def as_enriched(action: str, **entities: list[dict[str, Any]]) -> dict[str, Any]:
    """The form of the analytics SDKs."""
    prefix = "com_snowplowanalytics_snowplow_ecommerce"
    out = {**HEAD, f"unstruct_event_{prefix}_snowplow_ecommerce_action_1": {"type": action}}
    return out | {f"contexts_{prefix}_{name}_1": many for name, many in entities.items()}


@pytest.mark.parametrize("form", [as_sent, as_enriched])
def test_snowplow(form):
    (one,) = mapped("snowplow", form("transaction", transaction=[SALE], product=[TEAPOT, CUP]))
    assert one["type"] == "purchase"
    assert one["identifiers"] == {"domain_userid": "d-5"}
    assert one["context"] == {"channel": "web-shop", "device": "web", "page": "/tea"}
    assert one["time"] == "2026-03-01T09:30:00Z"
    assert one["fields"] == {
        "order_id": "T-1",
        "currency": "GBP",
        "lines": [{"item": "t", "quantity": 2, "price": 24.5}, {"item": "c", "price": 3.25}],
    }
    first, second = mapped("snowplow", form("add_to_cart", product=[TEAPOT, CUP]))
    assert (first["event_id"], first["item"], first["fields"]["quantity"]) == ("e-1", "t", 2)
    assert (second["event_id"], second["item"], second["fields"]["price"]) == ("e-1/1", "c", 3.25)
    assert first["identifiers"] == second["identifiers"]
    (one,) = mapped("snowplow", form("remove_from_cart", product=[CUP]))
    assert one["type"] == "remove_from_cart"
    (one,) = mapped("snowplow", form("product_view", product=[CUP]))
    assert (one["type"], one["item"]) == ("page_view", "c")
    (one,) = mapped("snowplow", form("list_click", product=[CUP]))
    assert (one["type"], one["fields"]) == ("click", {"position": 4})
    (one,) = mapped("snowplow", form("refund", refund=[REFUND], product=[CUP]))
    assert one["type"] == "return"
    assert one["fields"]["amount"] == 3.25
    assert one["fields"]["lines"] == [{"item": "c", "price": 3.25}]
    (one,) = mapped("snowplow", form("promo_click", promotion=[PROMOTION]))
    assert one["type"] == "offer_engaged"
    assert one["fields"] == {"offer": "spring", "placement": "home-1", "position": 2}
    assert (
        mapped("snowplow", form("promo_view", promotion=[PROMOTION]))[0]["type"] == "offer_served"
    )
    assert mapped("snowplow", form("list_view"))[0]["type"] == "page_view"
    assert pn.events.mapping("snowplow").apply(form("checkout_step")).reason == "unmapped"


def test_lines_of_a_tracker():
    payloads = [
        as_sent("add_to_cart", product=[TEAPOT, CUP]),
        as_sent("checkout_step"),
        as_sent("transaction", transaction=[SALE], product=[{**CUP, "price": -1}]),
    ]
    lines = "\n".join(map(json.dumps, payloads))
    checked = TAXONOMY.check_lines(lines, mapping=pn.events.mapping("snowplow"), format="pyarrow")
    assert checked.types == {"add_to_cart": 2}
    assert checked.counts == {"out_of_range": 1, "unmapped": 1}
    assert checked.quarantine["line"].to_pylist() == [1, 2]


def test_a_mapping_of_ones_own(tmp_path):
    path = tmp_path / "till.yaml"
    path.write_text(
        "name: till\nrules:\n  - type: store_purchase\n    time: at\n"
        "    identifiers: {card: card}\n    fields:\n      order_id: receipt\n"
        "      till: {from: till, default: unknown}\n"
        "      lines: {each: rows, item: ean, quantity: n, price: unit}\n"
    )
    own = pn.events.Mapping.from_yaml(path)
    assert own.name == "till"
    (one,) = own.apply({"at": TIME, "receipt": 5, "card": 1, "rows": [{"ean": 4006381, "n": 2}]})
    found = TAXONOMY.read(one)
    assert found["fields"]["till"] == "unknown"
    assert found["fields"]["lines"] == [{"item": "4006381", "quantity": 2}]
    with pytest.raises(NotFoundError, match="segment"):
        pn.events.mapping("other")
    with pytest.raises(InvalidArgumentError, match=r"rules\[0\]"):
        pn.events.Mapping.from_yaml("rules: [{when: {a: b}}]")
