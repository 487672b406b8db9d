"""The demo's placement: a policy on the server chooses a banner and learns from visitors."""

from __future__ import annotations

import json
import random
from typing import Any, Protocol

from ._table import format_table

__all__ = ["PLACE", "learn", "placements"]

PLACE = "banner"
ROUNDS = 1500
OFFERS = ("gift ideas", "back in stock", "free delivery")
# How often a made visitor clicks on an offer.
CLICKS = {
    "morning": {"gift ideas": 0.05, "back in stock": 0.30, "free delivery": 0.10},
    "evening": {"gift ideas": 0.30, "back in stock": 0.05, "free delivery": 0.10},
}
_STRETCHES = ((0, 100), (100, 500), (500, ROUNDS))


class Answers(Protocol):
    """What decides and learns: a client of the server, or a pipeline."""

    def recommend_json(self, request: Any, /) -> bytes: ...
    def reward_json(self, request: Any, /) -> bytes: ...


def placements() -> dict[str, Any]:
    """A place whose policy is told when a visitor comes, and learns with each click."""
    import penchant as pn

    policy = pn.LinTS(scale=0.5, min_probability=0.02, seed=7)
    context = {"attributes": {"visit": sorted(CLICKS)}}
    return {
        PLACE: pn.Placement(
            policy, offers=OFFERS, context=context, deadline="5m", learn="immediately"
        )
    }


def learn(server: Answers, twin: Answers) -> tuple[list[str], bool]:
    """Let visitors come; return lines that tell what happened, and whether both answered alike.

    Every decision and reward goes to both, each of which learns by itself.
    """
    dice = random.Random(3)
    best, shares, clicks = [], [], []
    alike = True
    for at in range(ROUNDS):
        visit = sorted(CLICKS)[at % 2]
        minute = f"{8 + at // 120:02}:{at // 2 % 60:02}:{30 * (at % 2):02}"
        context = {"attributes": {"visit": visit}, "time": f"2024-03-04T{minute}Z"}
        request = {"placement": PLACE, "context": context}
        body = server.recommend_json(request)
        alike &= body == twin.recommend_json(request)
        answer = json.loads(body)
        [shown] = answer["items"]
        rates = CLICKS[visit]
        best.append(shown["item"] == max(rates, key=lambda offer: rates[offer]))
        shares.append(shown["propensity"])
        clicks.append(dice.random() < rates[shown["item"]])
        if clicks[-1]:
            reward = {"decision_id": answer["decision_id"], "value": 1, "reward_id": str(at)}
            alike &= server.reward_json(reward) == twin.reward_json(reward)
    rows = [
        [f"{first + 1:,} to {last:,}", *(f"{_mean(column[first:last]):.2f}" for column in
         (best, clicks, shares))]
        for first, last in _STRETCHES
    ]  # fmt: skip
    columns = ["visitors", "best offer shown", "clicks", "its probability, as logged"]
    return format_table(columns, rows, right=tuple(columns[1:])).splitlines(), alike


def _mean(values: list[Any]) -> float:
    return sum(map(float, values)) / len(values)
