"""The demo's newcomer: what the server shows before and after it is told what they did."""

from __future__ import annotations

import json
from typing import Any, Protocol

from ._table import format_table
from .recommend import answer_rows

__all__ = ["NEWCOMER", "tell"]

NEWCOMER = "newcomer"


class Takes(Protocol):
    """What takes events and answers: a client of the server, or a pipeline."""

    def recommend_json(self, request: Any, /) -> bytes: ...
    def observe(self, event: Any, /) -> str: ...


def tell(
    server: Takes, twin: Takes, item: Any, time: str, names: dict[str, str]
) -> tuple[list[str], bool]:
    """Tell both of a purchase; return the lists around it, and whether both answered alike.

    Parameters
    ----------
    item
        What the newcomer buys.
    time
        When, ISO 8601.
    names
        Of items, for people.
    """
    event = {
        "event_id": "demo-1", "type": "purchase", "subject": NEWCOMER, "time": time,
        "fields": {"order_id": "demo", "lines": [{"item": str(item), "quantity": 1}]},
    }  # fmt: skip
    request = {"subject": NEWCOMER, "k": 3, "exclude_seen": True}
    rows: list[list[Any]] = []
    alike = True
    lists = []
    for when in ("before", "after"):
        if when == "after":
            # Sending it again changes nothing.
            for expected in ("accepted", "duplicate"):
                alike &= server.observe(event) == twin.observe(event) == expected
        body = server.recommend_json(request)
        alike &= body == twin.recommend_json(request)
        answer = json.loads(body)
        lists.append([one["item"] for one in answer["items"]])
        for rank, shown, name, score, reason in answer_rows(answer):
            product = name or names.get(str(shown), shown)
            rows.append([when if rank == 1 else "", product, score, reason])
    lines = format_table(["the list", "product", "score", "reason"], rows, right=("score",))
    return lines.splitlines(), alike and lists[0] != lists[1]
