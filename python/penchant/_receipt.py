"""What erasing a person answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

__all__ = ["Receipt"]


@dataclass(frozen=True)
class Receipt:
    """What was kept of a person, and is no longer.

    Attributes
    ----------
    subject : str
    erased : dict of str to int
        What there was, and how much of it: "decisions" that the person was shown, their "rewards",
        their "events", and, of a pipeline with an identity, the "identifiers" that they alone had.
        Empty where nothing is kept of anyone.
    """

    subject: str
    erased: dict[str, int] = field(default_factory=dict)

    @classmethod
    def _of_json(cls, body: bytes) -> Receipt:
        told = json.loads(body)
        return cls(told["subject"], told["erased"])
