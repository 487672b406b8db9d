"""Placements of every kind, and ways to ask a pipeline or a server that has them."""

from __future__ import annotations

import json
from typing import Any

import penchant as pn

OFFERS = ["spring", "garden", "gifts"]
SHELF = ["Garden", "Lighting", "Toys"]  # categories of the catalogue
CONTEXT = {
    "hour": True, "weekday": True, "history": True, "device": ["mobile", "desktop"],
    "page": ["home"],
    "attributes": {"region": ["coast", "hills"], "age": {"centre": 40, "scale": 20}},
}  # fmt: skip
NOON = "2024-03-06T12:00:00Z"  # a Wednesday


def places() -> dict[str, Any]:
    return {
        "home": pn.Placement(pn.LinTS(model="shared", scale=0.5, draws=64, seed=3), depth=12,
                             context={"history": True, "device": ["mobile"]}, deadline="1h"),
        "strip": pn.Placement(pn.EpsilonGreedy(epsilon=0.3, seed=5), depth=8),
        "banner": pn.Placement(pn.LinUCB(alpha=0.5, min_probability=0.05, seed=7), offers=OFFERS,
                               context=CONTEXT, learn="immediately", deadline="1d"),
        "shelf": pn.Placement(
            pn.LinUCB(alpha=0.3, model="shared", min_probability=0.01, seed=11),
            depth=30, deadline="1h",
            items={"category": SHELF, "price": {"centre": 25, "scale": 20}}),
        "subject": pn.Placement(
            pn.LinTS(model="hybrid", draws=64, seed=9),
            offers={1: [0.0, 1.0], 2: [1.0, 0.0], 3: [1.0, 1.0]}, context={"hour": True}),
    }  # fmt: skip


def ask(funnel: Any, **request: Any) -> dict[str, Any]:
    request.setdefault("context", {"time": NOON})
    return json.loads(funnel.recommend_json(request))


def shown(answer: dict[str, Any]) -> list[Any]:
    return [item["item"] for item in answer["items"]]


def live_through(funnel: Any, rounds: int = 60) -> list[bytes]:
    """Decisions and rewards of every kind, and what was answered."""
    out = []
    for at in range(rounds):
        place = list(places())[at % 5]
        context = {"time": f"2024-03-06T{at % 24:02}:00:00Z", "attributes": {"age": 20 + at}}
        request = {"subject": f"p{at % 7}", "k": 1 + at % 3, "placement": place, "context": context}
        body = bytes(funnel.recommend_json(request))
        answer = json.loads(body)
        out.append(body)
        if at % 3 == 0:
            told = {"decision_id": answer["decision_id"], "value": at / 10, "slot": 0,
                    "reward_id": str(at), "time": context["time"]}  # fmt: skip
            out.append(bytes(funnel.reward_json(told)))
    return out
