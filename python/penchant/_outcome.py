"""What an event that was told answers."""

from __future__ import annotations

import json

from .errors import BadDataError

__all__ = ["outcome_of"]


def outcome_of(body: bytes) -> str:
    """Read the answer of ``POST /v1/events`` to one event: "accepted" or "duplicate".

    Raises
    ------
    BadDataError
        When the event was rejected; it says where.
    """
    told = json.loads(body)
    if told["outcome"] == "rejected":
        raise BadDataError(f"event: {told['message']} ({told['reason']})")
    return str(told["outcome"])
