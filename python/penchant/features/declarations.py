"""What a plan is made of: one function a kind of feature of events.

What is of no event (the catalogue, a request, a model, arithmetic) is in `beside_events`.

Every function returns a `Declaration`, which `Plan` compiles. What they share:

events
    Types of events that count: a name, a list of names, or None for all.
by
    Whose events: "subject", "item", the name of an item's attribute ("category": of all items that
    share it), "subject.country" (of all subjects who share this attribute with one), "all", or a
    pair: ("subject", "item"), ("subject", "category"), ("subject.country", "item"),
    ("subject.country", "category"). "segment.vip" stands there for all who were in a segment then.
where
    What an event must fulfil besides: `"quantity > 0 and price > 0"`.
window
    "28d": events from this long before the moment asked for, that edge included, up to it, that
    edge not. None: from the beginning.
name
    What the column is called; made of the rest where None. One that begins with "_" is no column:
    it is there for expressions.
"""

from __future__ import annotations

import datetime as dt

from ..errors import InvalidArgumentError
from ._declaration import By, Declaration, Events, Window, declare, texts, words

__all__ = [
    "Declaration",
    "affinity",
    "average_spend",
    "cadence",
    "count",
    "decayed",
    "distinct",
    "first_seen",
    "frequency",
    "last_items",
    "maximum",
    "mean",
    "minimum",
    "monetary",
    "popularity",
    "rate",
    "recency",
    "sum",
    "top",
    "trend",
]


def count(
    events: Events = None,
    *,
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Count events."""
    return declare(
        "count", name, ["count", events], events=events, by=by, where=where, window=window
    )


def sum(  # noqa: A001
    value: str,
    events: Events = None,
    *,
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Sum a field or a product of fields (`"quantity * price"`), exact to a millionth a row."""
    return declare(
        "sum",
        name,
        ["sum", value, events],
        value=value,
        events=events,
        by=by,
        where=where,
        window=window,
    )


def mean(
    value: str,
    events: Events = None,
    *,
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Average a value over the events that have it; unknown where none has."""
    return declare(
        "mean",
        name,
        ["mean", value, events],
        value=value,
        events=events,
        by=by,
        where=where,
        window=window,
    )


def minimum(
    value: str,
    events: Events = None,
    *,
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Take the smallest value; unknown where there is none."""
    return declare(
        "minimum",
        name,
        ["min", value, events],
        value=value,
        events=events,
        by=by,
        where=where,
        window=window,
    )


def maximum(
    value: str,
    events: Events = None,
    *,
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Take the largest value; unknown where there is none."""
    return declare(
        "maximum",
        name,
        ["max", value, events],
        value=value,
        events=events,
        by=by,
        where=where,
        window=window,
    )


def distinct(
    what: str = "item",
    events: Events = None,
    *,
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Count distinct items ("item"), subjects ("subject") or values of a field, exactly."""
    return declare(
        "distinct",
        name,
        ["distinct", what, events],
        what=what,
        events=events,
        by=by,
        where=where,
        window=window,
    )


def recency(
    events: Events = None,
    *,
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    unit: str = "1d",
    name: str | None = None,
) -> Declaration:
    """Tell how long ago the last event was, in `unit`s; unknown where there was none."""
    return declare(
        "recency",
        name,
        ["recency", events],
        events=events,
        by=by,
        where=where,
        window=window,
        unit=unit,
    )


def first_seen(
    events: Events = None,
    *,
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    unit: str = "1d",
    name: str | None = None,
) -> Declaration:
    """Tell how long ago the first event was (a subject's tenure), in `unit`s."""
    return declare(
        "first_seen",
        name,
        ["first_seen", events],
        events=events,
        by=by,
        where=where,
        window=window,
        unit=unit,
    )


def frequency(
    events: Events = "purchase",
    *,
    order: str = "order",
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Count distinct orders: lines of one basket are one purchase."""
    return declare(
        "distinct",
        name,
        ["frequency", events],
        what=order,
        events=events,
        by=by,
        where=where,
        window=window,
    )


def monetary(
    events: Events = "purchase",
    *,
    value: str = "quantity * price",
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Sum what was spent."""
    return declare(
        "sum",
        name,
        ["monetary", events],
        value=value,
        events=events,
        by=by,
        where=where,
        window=window,
    )


def average_spend(
    events: Events = "purchase",
    *,
    value: str = "quantity * price",
    order: str = "order",
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Take what was spent an order; unknown before the first."""
    return declare(
        "average_spend",
        name,
        ["average_spend", events],
        value=value,
        order=order,
        events=events,
        by=by,
        where=where,
        window=window,
    )


def cadence(
    events: Events = "purchase",
    *,
    order: str = "order",
    by: By = "subject",
    where: str | None = None,
    window: Window = None,
    unit: str = "1d",
    name: str | None = None,
) -> Declaration:
    """Take the mean time between orders, in `unit`s: first to last over orders less one."""
    return declare(
        "cadence",
        name,
        ["cadence", events],
        order=order,
        events=events,
        by=by,
        where=where,
        window=window,
        unit=unit,
    )


def last_items(
    k: int = 5,
    events: Events = None,
    *,
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Name the subject's last k distinct items, the latest first, a column each (`name_1`, ...)."""
    return declare(
        "last_items", name, ["last_item", events], k=k, events=events, where=where, window=window
    )


def top(
    attribute: str = "category",
    k: int = 3,
    events: Events = None,
    *,
    value: str | None = None,
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Name the k values of an item's attribute that the subject had most of, a column each.

    Most by number of events, or by a value's sum; ties go to the lower text, byte by byte.
    """
    return declare(
        "top",
        name,
        ["top", attribute, events],
        attribute=attribute,
        k=k,
        value=value,
        events=events,
        where=where,
        window=window,
    )


def decayed(
    events: Events = None,
    *,
    half_life: str | dt.timedelta = "30d",
    value: str | None = None,
    by: By = "subject",
    where: str | None = None,
    name: str | None = None,
) -> Declaration:
    """Sum events, or a value of theirs, that count half as much every `half_life`."""
    return declare(
        "decayed",
        name,
        ["decayed", value, events],
        half_life=half_life,
        value=value,
        events=events,
        by=by,
        where=where,
    )


def popularity(
    events: Events = None,
    *,
    half_life: str | dt.timedelta | None = None,
    window: Window = None,
    by: By = "item",
    where: str | None = None,
    name: str | None = None,
) -> Declaration:
    """Count the item's events, in a window or decayed."""
    if half_life is not None:
        if window is not None:
            raise InvalidArgumentError("popularity: give a window or a half_life, not both")
        return decayed(
            events,
            half_life=half_life,
            by=by,
            where=where,
            name=name
            or "_".join(filter(None, [words(by), "popularity", words(events), words(half_life)])),
        )
    return declare(
        "count", name, ["popularity", events], events=events, by=by, where=where, window=window
    )


def affinity(
    attribute: str = "category",
    events: Events = None,
    *,
    half_life: str | dt.timedelta | None = None,
    value: str | None = None,
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Take the share of the subject's events that are of the item's attribute (or "item")."""
    return declare(
        "affinity",
        name,
        ["affinity", attribute, events],
        attribute=attribute,
        half_life=half_life,
        value=value,
        events=events,
        where=where,
        window=window,
    )


def trend(
    events: Events = None,
    *,
    short: str | dt.timedelta = "7d",
    long: str | dt.timedelta = "28d",
    by: By = "item",
    where: str | None = None,
    name: str | None = None,
) -> Declaration:
    """Take events a day in the short window over those in the long; unknown where that is empty."""
    return declare(
        "trend",
        name,
        ["trend", events, short, long],
        short=short,
        long=long,
        events=events,
        by=by,
        where=where,
    )


def rate(
    events: Events,
    over: Events,
    *,
    prior: float = 0.0,
    strength: float = 0.0,
    by: By = "item",
    where: str | None = None,
    window: Window = None,
    name: str | None = None,
) -> Declaration:
    """Take events over others: (count + prior * strength) / (count of `over` + strength)."""
    if not (strength >= 0 and 0 <= prior < float("inf")):
        raise InvalidArgumentError("rate: prior and strength are not negative")
    return declare(
        "rate",
        name,
        ["rate", events, "over", over],
        events=events,
        over=texts(over),
        prior=float(prior),
        strength=float(strength),
        by=by,
        where=where,
        window=window,
    )
