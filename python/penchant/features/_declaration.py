"""A feature as it was declared, and what its functions share."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ..data._times import duration_micros, duration_text
from ..errors import InvalidArgumentError

__all__ = ["By", "Declaration", "Events", "Window", "declare", "texts", "window_text", "words"]

By: TypeAlias = str | Sequence[str] | None
Events: TypeAlias = str | Sequence[str] | None
Window: TypeAlias = str | dt.timedelta | None


_OF_NO_EVENTS = ("attribute", "number", "one_hot", "price_tier", "context", "expression", "linear")


@dataclass(frozen=True)
class Declaration:
    """One feature as it was declared; `Plan` knows what it comes to.

    Attributes
    ----------
    kind
        The function's name.
    name
        The column's.
    options
        The function's arguments that are not None, as JSON and YAML can hold them.
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As `Plan.from_yaml` reads it."""
        return {"kind": self.kind, "name": self.name, **self.options}

    def late(self, lag: str | dt.timedelta) -> Declaration:
        """Read it as of `lag` before the moment asked for: what it counts arrives so late.

        All of it moves: a window ends at that moment, and ages are of it.
        """
        return self._with(lag=window_text(lag, f"feature {self.name!r}: lag"))

    def bucketed(self, bucket: str | dt.timedelta) -> Declaration:
        """Read it as of the last multiple of `bucket` since 1970-01-01 UTC: the begin of the day.

        So both edges of a window are rounded down. After a `late`, the later moment is rounded.
        """
        return self._with(bucket=window_text(bucket, f"feature {self.name!r}: bucket"))

    def net_of(
        self,
        returns: Events = "return",
        *,
        bought: Events = "purchase",
        quantity: str | None = "quantity",
        order: str | None = None,
    ) -> Declaration:
        """Count it as though what was returned had not been bought, from the return's time on.

        A return takes its pieces back from what the subject bought last of its item. A purchase of
        which nothing is left is gone, from its own window too; one of which some is left has so
        many pieces. Of subjects alone, alone or with an item or attribute, and read row by row:
        O(the subject's events).

        Parameters
        ----------
        returns, bought
            Types of events.
        quantity
            Field of pieces, of both; 1 each where None or missing.
        order
            Field of orders: a return that names one is of that order alone, and without an item of
            all of it.
        """
        if not (texts(returns) and texts(bought)):
            raise InvalidArgumentError(f"feature {self.name!r}: net_of names types of events")
        told: dict[str, Any] = {"returns": texts(returns), "bought": texts(bought)}
        told |= {key: one for key, one in (("quantity", quantity), ("order", order)) if one}
        return self._with(net_of=told)

    def _with(self, **options: Any) -> Declaration:
        if self.kind in _OF_NO_EVENTS:
            raise InvalidArgumentError(
                f"feature {self.name!r}: {self.kind} reads no events; say so of what does"
            )
        return replace(self, options={**self.options, **options})


def words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return "_".join(words(one) for one in value)
    return re.sub(r"[^0-9A-Za-z_.]+", "_", str(value)).strip("_")


def texts(value: str | Sequence[str] | None) -> list[str] | None:
    if value is None:
        return None
    return [value] if isinstance(value, str) else [str(one) for one in value]


def window_text(value: Window, what: str) -> str | None:
    return None if value is None else duration_text(duration_micros(value, what))


def declare(kind: str, name: str | None, told: Sequence[Any], **options: Any) -> Declaration:
    by = options.get("by")
    if by is not None:
        options["by"] = texts(by)
    if "events" in options:
        options["events"] = texts(options["events"])
    for one in ("window", "half_life", "short", "long"):
        if one in options:
            options[one] = window_text(options[one], f"{kind}: {one}")
    kept = {key: value for key, value in options.items() if value is not None}
    if name is None:
        whose = [] if kept.get("by") in (None, ["subject"]) else [kept["by"]]
        whose = [[part.replace(".", "_", 1) for part in by] for by in whose]
        tail = [kept.get(one) for one in ("window", "half_life")]
        name = "_".join(filter(None, (words(one) for one in [*whose, *told, *tail])))
    if not isinstance(name, str) or not name:
        raise InvalidArgumentError(f"{kind}: a feature's name is a text, not {name!r}")
    return Declaration(kind, name, kept)
