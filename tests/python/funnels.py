"""Small data and a small funnel that several suites ask, and ways to ask it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

import penchant as pn

NOBODY = "nobody of that name"


def sources() -> list[Any]:
    return [
        pn.ALS(factors=6, iterations=5, alpha=5.0, regularization=1.0),
        pn.ItemKNN("bm25", neighbors=30),
        pn.ItemKNN("cosine", neighbors=30),
        pn.RepeatPurchase(),
        pn.Popular(window="14d"),
    ]


NAMES = ["als", "item_knn", "item_knn_2", "repeat_purchase", "popular"]


def dataset(events: Any, **more: Any) -> pn.Dataset:
    return pn.Dataset.from_events(events, type="event", value="quantity", **more)


def answer(pipeline: pn.Pipeline, **request: Any) -> dict[str, Any]:
    return json.loads(pipeline.recommend_json(request))


def shown(pipeline: pn.Pipeline, **request: Any) -> list[Any]:
    return [item["item"] for item in answer(pipeline, **request)["items"]]


def codes(pipeline: pn.Pipeline, **request: Any) -> set[str]:
    return {item["reason"]["code"] for item in answer(pipeline, **request)["items"]}


def asked(shop: Any) -> list[dict[str, Any]]:
    """Requests of every kind."""
    basket = {"basket": shop.items[3:6]}
    return [
        *[{"subject": subject} for subject in [*shop.subjects[:20], NOBODY, None]],
        *[{"subject": s, "exclude_seen": True, "explain": True} for s in shop.subjects[20:30]],
        *[{"subject": s, "context": basket, "k": 1000} for s in [*shop.subjects[5:9], None]],
        {"subject": shop.subjects[2], "deny": shop.items[:20], "candidates": shop.items[10:40]},
        {},
    ]


def answers(pipeline: pn.Pipeline, shop: Any) -> list[bytes]:
    return [pipeline.recommend_json(request) for request in asked(shop)]


def little(
    subjects: list[str], items: list[str], times: list[str] | None = None, *, known: bool = False
) -> pn.Dataset:
    """A log of a few events, of goods (and, where asked, known people) that are all of one kind."""
    log = pd.DataFrame({"subject": subjects, "item": items}, dtype=object)
    if times:
        log["time"] = times
    goods = pd.DataFrame({"item": sorted(set(items)), "kind": "thing"}, dtype=object)
    people = pd.DataFrame({"subject": sorted(set(subjects))}, dtype=object)
    people = people.assign(region="here", tier="basic", age=40)
    return pn.Dataset.from_events(
        log, time="time" if times else None, catalog=goods, subjects=people if known else None
    )
