"""Requests as JSON, and those that a bundle keeps with their answers."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np

from .data.dataset import Dataset
from .errors import InvalidArgumentError

__all__ = ["golden_requests", "now_micros", "to_json"]

_GOLDEN_SUBJECTS = 16


def now_micros() -> int:
    """Microseconds since 1970: the core has no clock of its own."""
    return time.time_ns() // 1_000


def to_json(value: Any) -> str:
    """JSON with ids as they are, NumPy's numbers among them."""

    def plain(other: Any) -> Any:
        if isinstance(other, np.generic):
            return other.item()
        if isinstance(other, np.ndarray):
            return other.tolist()
        raise InvalidArgumentError(f"a request can't hold a {type(other).__name__}: {other!r}")

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain)


def golden_requests(train: Dataset) -> list[str]:
    """Requests of every kind for subjects spread over the ids, kept in the bundle with answers."""
    ids = train.subject_ids
    chosen = ids[np.unique(np.linspace(0, len(ids) - 1, _GOLDEN_SUBJECTS).astype(np.int64))]
    items = train.item_ids
    few = [items[len(items) // 3], items[len(items) // 2]]
    requests: list[dict[str, Any]] = [{"subject": None}, {"subject": "\u0000nobody"}]
    for position, subject in enumerate(chosen):
        request: dict[str, Any] = {"subject": subject, "k": 5 + position}
        if position % 2:
            request["exclude_seen"] = position % 4 == 1
        if position % 3 == 0:
            request["context"] = {"basket": few}
        if position % 5 == 0:
            request |= {"explain": True, "deny": few[:1]}
        requests.append(request)
    requests.append(
        {"subject": None, "k": 3, "context": {"basket": few}, "candidates": list(items[:50])}
    )
    happened = [{"item": few[1], "value": 2}, {"item": items[0]}]
    requests.append({"subject": None, "context": {"events": happened, "page": {"item": few[0]}}})
    known = _first_attributes(train)
    if known:
        requests.append({"subject": None, "context": {"attributes": known}})
        requests.append(
            {"subject": ids[-1], "context": {"attributes": known, "basket": few}, "explain": True}
        )
    return [to_json(request) for request in requests]


def _first_attributes(train: Dataset) -> dict[str, Any]:
    """What is known of the first subject beside events, as a request says it."""
    if train._people is None or not train.num_subjects:
        return {}
    row = train._people.slice(0, 1).to_pylist()[0]
    return {
        name: value
        for name, value in row.items()
        if value is not None and not (isinstance(value, float) and not np.isfinite(value))
    }
