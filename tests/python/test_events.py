"""Taxonomies, the door for one event, JSON Schema, versions."""

from __future__ import annotations

import json
import pickle
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pn
from penchant.errors import InvalidArgumentError, NotFoundError

TAXONOMY = pn.events.Taxonomy.default()
TIME = "2026-11-29T10:00:00Z"

# One good event of every built-in type: only what is required.
LEAST: dict[str, dict[str, Any]] = {
    "page_view": {},
    "click": {},
    "search": {"fields": {"query": "blue roses"}},
    "add_to_cart": {"item": "a"},
    "remove_from_cart": {"item": "a"},
    "purchase": {"fields": {"order_id": "o", "lines": [{"item": "a"}]}},
    "return": {"fields": {"order_id": "o"}},
    "time_on_page": {"fields": {"seconds": 12.5}},
    "email_sent": {},
    "email_open": {},
    "email_click": {},
    "offer_served": {"fields": {"offer": "banner"}},
    "offer_engaged": {"fields": {"offer": "banner"}},
    "offer_rejected": {"fields": {"offer": "banner"}},
    "store_purchase": {"fields": {"order_id": "o", "lines": [{"item": "a"}]}},
    "login": {},
    "consent": {"fields": {"purpose": "ads", "granted": False}},
}


def event(type: str, **members: Any) -> dict[str, Any]:
    return {"type": type, "subject": "s", "time": TIME, **LEAST.get(type, {}), **members}


def refused(taxonomy: pn.events.Taxonomy, one: dict[str, Any]) -> bool:
    return isinstance(taxonomy.read(one), pn.events.Rejection)


def test_every_built_in_type_takes_its_least_event():
    assert set(LEAST) == set(TAXONOMY.types)
    for name in TAXONOMY.types:
        found = TAXONOMY.read(event(name))
        assert not isinstance(found, pn.events.Rejection), found
        assert found["type"] == name
        jsonschema.validate(event(name), TAXONOMY.json_schema(name))


def test_what_is_required_is_required():
    for name, members in LEAST.items():
        for field in members.get("fields", {}):
            fields = {key: value for key, value in members["fields"].items() if key != field}
            found = TAXONOMY.read(event(name, fields=fields))
            assert found.reason == "missing"
            assert field in found.message
    assert TAXONOMY.read({"type": "login", "time": TIME}).reason == "nobody"
    assert not refused(TAXONOMY, {**event("store_purchase"), "subject": None})


def test_schemas_are_json_schema_2020_12():
    for name in TAXONOMY.types:
        schema = TAXONOMY.json_schema(name)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"].endswith("2020-12/schema")
    with pytest.raises(NotFoundError, match="purchase"):
        TAXONOMY.json_schema("buy")


KINDS = pn.events.Taxonomy.from_dict(
    {
        "context": {"hour": {"kind": "integer", "min": 0, "max": 23}},
        "types": {
            "all": {
                "version": 2,
                "item": "required",
                "fields": {
                    "name": {"kind": "text", "max_length": 40},
                    "short": {"kind": "text", "required": True, "max_length": 3},
                    "colour": {"kind": "text", "allowed": ["red", "12.5"]},
                    "count": {"kind": "integer", "min": -1, "max": 5},
                    "amount": {"kind": "decimal", "max": 12.5},
                    "flag": "boolean",
                    "at": "time",
                    "lines": {
                        "kind": "lines",
                        "max_length": 2,
                        "fields": {
                            "item": {"kind": "text", "required": True},
                            "quantity": {"kind": "decimal", "min": 1},
                        },
                    },
                },
            }
        },
    }
)
VALUES = [None, "", "red", "abcd", "12.5", "1e1", 0, 3, 7, -1, 1.5, 3.0, True, [], {}, 2**63]
VALUES += [[{"item": "a"}], [{"item": "a"}] * 3, [{"quantity": 2}], [{"item": 3, "quantity": 0.5}]]
PLACES = ["event_id", "subject", "identifiers", "item", "context", "fields", "version"]
FIELDS = ["name", "short", "colour", "count", "amount", "flag", "lines", "other"]


@settings(max_examples=1500, deadline=None)
@given(
    st.dictionaries(st.sampled_from(PLACES), st.sampled_from(VALUES), max_size=2),
    st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(VALUES), max_size=3),
    st.sampled_from([{}, {"hour": 3}, {"hour": 24}, {"hour": "x"}, {"else": [1]}]),
    st.sampled_from([{}, {"email": None}, {"email": "a"}, {"email": 1.5}, {"": "a"}]),
)
def test_the_door_and_the_schema_agree(places, fields, context, identifiers):
    one = {"type": "all", "version": 2, "time": TIME, "subject": "s", "item": "i"}
    one |= {"fields": {"short": "abc", **fields}, "context": context, "identifiers": identifiers}
    one |= places
    validator = jsonschema.Draft202012Validator(KINDS.json_schema("all"))
    # Versions before the newest have no schema of their own.
    if one["version"] in (None, "", -1, 0, 1) and not isinstance(one["version"], bool):
        return
    assert validator.is_valid(one) == (not refused(KINDS, one)), KINDS.read(one)


def test_yaml_declares_types(tmp_path):
    text = """
future: 5m
types:
  wishlist:
    version: 2
    item: required
    minimal: true
    fields:
      priority: {kind: integer, min: 0, max: 5}
      since: {kind: time, min: 2020-01-01}
    migrate:
      1:
        - rename: [prio, priority]
        - default: [priority, 3]
"""
    path = tmp_path / "types.yaml"
    path.write_text(text)
    taxonomy = pn.events.Taxonomy.from_yaml(text)
    assert taxonomy == pn.events.Taxonomy.from_yaml(path) == pickle.loads(pickle.dumps(taxonomy))
    assert pn.events.Taxonomy.from_yaml(path, default=False).types == ["wishlist"]
    old = taxonomy.read(event("wishlist", version=1, item="a", fields={"prio": 1, "x": 2}))
    assert old["version"] == 2
    assert old["fields"] == {"priority": 1}
    assert taxonomy.read(event("wishlist", item="a"))["fields"] == {"priority": 3}
    assert taxonomy.read(event("wishlist", item="a", version=3)).reason == "newer_version"
    late = taxonomy.read(event("login", time="2026-11-29T10:05:01Z"), received=TIME)
    assert late.reason == "future"
    assert taxonomy.fields["priority"] == "integer"
    with pytest.raises(NotFoundError, match=r"none\.yaml"):
        pn.events.Taxonomy.from_yaml("none.yaml")
    with pytest.raises(InvalidArgumentError, match="YAML"):
        pn.events.Taxonomy.from_yaml("types: [")
    with pytest.raises(InvalidArgumentError, match=r"types\.t\.fields\.a"):
        TAXONOMY.add("t", fields={"a": "float"})


def test_adding_leaves_the_first_as_it_was():
    more = TAXONOMY.add("wishlist", item="required", fields={"note": {"kind": "text"}})
    assert "wishlist" in more.types
    assert "wishlist" not in TAXONOMY.types
    assert pn.events.Taxonomy.default() == TAXONOMY
    assert pn.events.Taxonomy.from_dict(more.to_dict(), default=False) == more


def test_decimals_are_exact():
    lines = [{"item": "a", "price": price} for price in ("0.1", 0.2, 1e-6, "9223372036854.775807")]
    found = TAXONOMY.read(event("purchase", fields={"order_id": 1, "lines": lines}))
    prices = [line["price"] for line in found["fields"]["lines"]]
    assert prices == [0.1, 0.2, 1e-6, "9223372036854.775807"]
    for price in (1e13, 4294967296.5, "1e13"):
        lines = [{"item": "a", "price": price}]
        found = TAXONOMY.read(event("purchase", fields={"order_id": 1, "lines": lines}))
        assert found.reason in ("out_of_range", "wrong_kind")


def test_bytes_texts_and_dicts_are_the_same_event():
    one = event("page_view", item="täglich", fields={"own": [1, {"a": None}]})
    text = json.dumps(one)
    assert TAXONOMY.read(one) == TAXONOMY.read(text) == TAXONOMY.read(text.encode())
    assert TAXONOMY.read(one)["fields"] == {"own": [1, {"a": None}]}
    assert TAXONOMY.read(b"\xff").reason == "not_json"
    assert len(TAXONOMY.read("x").payload_hash) == 16
