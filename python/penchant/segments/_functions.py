"""What rules can call: each call becomes the declaration of a feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..data._times import duration_text
from ..errors import InvalidArgumentError
from ..features import beside_events as _beside
from ..features import declarations as _declare
from ..features._declaration import Declaration
from ._syntax import Binary, Call, Constant, Listed, Name, Node, near

__all__ = ["ARITHMETIC", "FUNCTIONS", "RuleError", "Term", "term_of"]

_DAY = 86_400_000_000
# Functions of values: how many they take.
ARITHMETIC = {"abs": 1, "log1p": 1, "sqrt": 1, "min": 2, "max": 2, "otherwise": 2, "known": 1}


class RuleError(Exception):
    """What is wrong, and where."""

    def __init__(self, column: int, text: str) -> None:
        super().__init__(text)
        self.column = column
        self.text = text


@dataclass(frozen=True)
class Term:
    """What a call comes to.

    Attributes
    ----------
    declaration
        Of the feature.
    kind
        "number", "duration" (in days), "text" or "texts".
    k
        How many of the feature's columns are meant, of texts.
    item
        (attribute, text): the value is about items that have this text there.
    """

    declaration: Declaration
    kind: str
    k: int = 0
    item: tuple[str, str] | None = None


@dataclass(frozen=True)
class _Function:
    """Which arguments a function takes, and what it gives.

    `takes`: any of "events", "window", "k", "value", "text"; those in `needs` must be there.
    """

    make: Callable[..., Declaration]
    kind: str
    takes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    example: str = ""


def _last_items(k: int, **how: Any) -> Declaration:
    return _declare.last_items(k, **how)


def _top(k: int, text: str = "category", **how: Any) -> Declaration:
    return _declare.top(text, k, **how)


def _top_categories(k: int, **how: Any) -> Declaration:
    return _declare.top("category", k, **how)


def _distinct(text: str = "item", **how: Any) -> Declaration:
    return _declare.distinct(text, **how)


def _decayed(window: str, **how: Any) -> Declaration:
    return _declare.decayed(half_life=window, **how)


def _affinity(text: str, by: str = "category", **how: Any) -> Declaration:  # noqa: ARG001
    return _declare.affinity(by, **how)


def _context(what: str) -> Callable[..., Declaration]:
    def make() -> Declaration:
        return _beside.context(what)

    return make


_RANGE = ("events", "window")
FUNCTIONS: dict[str, _Function] = {
    "recency": _Function(_declare.recency, "duration", _RANGE, (), "recency(purchase)"),
    "first_seen": _Function(_declare.first_seen, "duration", _RANGE, (), "first_seen(purchase)"),
    "tenure": _Function(_declare.first_seen, "duration", _RANGE, (), "tenure()"),
    "frequency": _Function(_declare.frequency, "number", _RANGE, (), "frequency(365d)"),
    "monetary": _Function(_declare.monetary, "number", _RANGE, (), "monetary(365d)"),
    "average_spend": _Function(_declare.average_spend, "number", _RANGE, (), "average_spend(365d)"),
    "cadence": _Function(_declare.cadence, "duration", _RANGE, (), "cadence()"),
    "count": _Function(_declare.count, "number", _RANGE, (), "count(page_view, 7d)"),
    "distinct": _Function(
        _distinct, "number", ("text", *_RANGE), (), "distinct('item', purchase, 90d)"
    ),
    "sum": _Function(
        _declare.sum,
        "number",
        ("value", *_RANGE),
        ("value",),
        "sum(quantity * price, purchase, 28d)",
    ),
    "mean": _Function(
        _declare.mean, "number", ("value", *_RANGE), ("value",), "mean(price, purchase)"
    ),
    "minimum": _Function(
        _declare.minimum, "number", ("value", *_RANGE), ("value",), "minimum(price)"
    ),
    "maximum": _Function(
        _declare.maximum, "number", ("value", *_RANGE), ("value",), "maximum(price)"
    ),
    "decayed": _Function(_decayed, "number", _RANGE, ("window",), "decayed(purchase, 30d)"),
    "last_items": _Function(_last_items, "texts", ("k", *_RANGE), ("k",), "last_items(5)"),
    "top": _Function(_top, "texts", ("text", "k", *_RANGE), ("text", "k"), "top('category', 3)"),
    "top_categories": _Function(
        _top_categories, "texts", ("k", *_RANGE), ("k",), "top_categories(3)"
    ),
    "affinity": _Function(_affinity, "number", ("text", *_RANGE), ("text",), "affinity('garden')"),
    "hour": _Function(_context("hour"), "number", (), (), "hour()"),
    "weekday": _Function(_context("weekday"), "number", (), (), "weekday()"),
}
_ROLES = {
    "events": "types of events",
    "window": "a duration",
    "k": "a whole number",
    "value": "a field or a product of fields",
    "text": "a text",
}


def _product(node: Node) -> str | None:
    """`quantity * price` as the text of a value."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Binary) and node.operator == "*":
        left, right = _product(node.left), _product(node.right)
        return f"{left} * {right}" if left and right else None
    return None


def _event_names(node: Node) -> list[str] | None:
    if isinstance(node, Name):
        return [node.name]
    return [str(one.value) for one in node.texts] if isinstance(node, Listed) else None


class _Arguments:
    """Sorts a call's arguments by what they are."""

    def __init__(self, call: Call, function: _Function) -> None:
        self._call = call
        self._function = function
        self.found: dict[str, Any] = {}
        for number, node in enumerate(call.arguments):
            self._add(node, first=number == 0)
        for key, node in call.named:
            self._add_named(key, node)
        for role in function.needs:
            if role not in self.found:
                raise RuleError(
                    call.column, f"{call.name} needs {_ROLES[role]}: {function.example}"
                )

    def _refuse(self, node: Node, what: str) -> RuleError:
        takes = [_ROLES[role] for role in self._function.takes]
        listed = " and ".join(filter(None, [", ".join(takes[:-1]), *takes[-1:]])) or "nothing"
        return RuleError(
            node.column,
            f"{self._call.name} takes {listed}, like {self._function.example}; not {what}",
        )

    def _put(self, role: str, value: Any, node: Node, what: str) -> None:
        if role not in self._function.takes:
            raise self._refuse(node, what)
        if role in self.found:
            raise RuleError(node.column, f"{self._call.name} has got {_ROLES[role]} already")
        self.found[role] = value

    def _add(self, node: Node, *, first: bool) -> None:
        takes = self._function.takes
        if first and "value" in takes and (value := _product(node)) is not None:
            return self._put("value", value, node, value)
        if (events := _event_names(node)) is not None and "events" in takes:
            self.found.setdefault("events", []).extend(events)
            return None
        if isinstance(node, Constant) and node.kind == "duration":
            micros = round(float(node.value) * _DAY)
            if micros <= 0:
                raise RuleError(node.column, "a window is longer than nothing")
            return self._put("window", duration_text(micros), node, "a duration")
        if isinstance(node, Constant) and node.kind == "number":
            k = float(node.value)
            if "k" in takes and not (k.is_integer() and 1 <= k <= 1000):
                raise RuleError(
                    node.column, f"{self._call.name} wants a whole number from 1 to 1000"
                )
            return self._put("k", int(k), node, "a number")
        if isinstance(node, Constant) and node.kind == "text":
            return self._put("text", str(node.value), node, "a text")
        raise self._refuse(node, "this")

    def _add_named(self, key: str, node: Node) -> None:
        known = ["where"] if "events" in self._function.takes else []
        known += ["by"] if self._call.name == "affinity" else []
        if key not in known:
            there = ", ".join(f"{one}=" for one in known) or "none"
            raise RuleError(
                node.column,
                f"{self._call.name} has no argument {key}=; those with names are: {there}"
                f"{near(key, known)}",
            )
        if isinstance(node, Constant) and node.kind == "text":
            self.found[key] = str(node.value)
        elif isinstance(node, Name) and key == "by":
            self.found[key] = node.name
        else:
            raise RuleError(node.column, f"{key}= wants a text in quotes")


def term_of(call: Call) -> Term:
    """Give the feature that a call declares.

    Raises
    ------
    RuleError
        Where an argument is not what the function takes.
    """
    function = FUNCTIONS.get(call.name)
    if function is None:
        known = [*FUNCTIONS, *ARITHMETIC]
        raise RuleError(call.column, f"there is no function {call.name!r}{near(call.name, known)}")
    arguments = _Arguments(call, function).found
    try:
        declared = function.make(**arguments)
    except InvalidArgumentError as error:
        raise RuleError(call.column, str(error)) from None
    item = None
    if call.name == "affinity":
        item = (arguments.get("by", "category"), arguments["text"])
    return Term(declared, function.kind, arguments.get("k", 0), item)
