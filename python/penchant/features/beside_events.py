"""Features of no event: what the catalogue or a request says, and what is made of other features.

Every function returns a `Declaration`, as those of `declarations` do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InvalidArgumentError
from ._contexts import MEMBERS
from ._declaration import Declaration, declare, texts

__all__ = [
    "attribute",
    "context",
    "expression",
    "linear",
    "number",
    "one_hot",
    "price_tier",
]


def attribute(attribute: str, *, name: str | None = None) -> Declaration:
    """Give the item's attribute of texts, as a category."""
    return declare("attribute", name, ["item", attribute], attribute=attribute)


def number(attribute: str, *, name: str | None = None) -> Declaration:
    """Give the item's attribute of numbers."""
    return declare("number", name, ["item", attribute], attribute=attribute)


def one_hot(
    attribute: str = "category",
    values: Sequence[str] = (),
    *,
    words: bool = False,
    name: str | None = None,
) -> Declaration:
    """Tell for each of some values whether the item's attribute is it: 1 or 0, a column each.

    Parameters
    ----------
    values
        Texts; the column of one is called `name_value`.
    words
        Whether one of the attribute's words is it, rather than the whole: runs of letters and
        digits, upper and lower case the same.
    """
    wanted = texts(values) or []
    if not wanted or len(set(wanted)) < len(wanted) or len(wanted) > 1000:
        raise InvalidArgumentError("one_hot: values are 1 to 1,000 different texts")
    return declare(
        "one_hot",
        name,
        ["item", attribute],
        attribute=attribute,
        values=wanted,
        words=words or None,
    )


def price_tier(
    price: str = "price", *, within: str = "category", name: str | None = None
) -> Declaration:
    """Give the share of the items of the same `within` that are cheaper, equals half: 0 to 1."""
    return declare("price_tier", name, ["price_tier"], price=price, within=within)


# Members of a request's context that are no texts or numbers.
_NO_CONTEXTS = ("attributes", "basket", "events", "time")


def context(
    what: str,
    values: Sequence[str] | None = None,
    *,
    timezone_offset: str | None = None,
    name: str | None = None,
) -> Declaration:
    """Give what the request says of itself, or the moment's hour or weekday.

    Parameters
    ----------
    what
        "hour" (0 to 23) or "weekday" (Monday 0) of the moment; "device", "page" or "location", the
        texts of a request's ``context``; or the name of one of its ``context.attributes``. For
        `State.at` it is a column of the points, for `State.training_frame` one of the decisions,
        for `Pipeline.fit` one of the events: a ranker learns with what the first of a subject's
        events in a window says.
    values
        Texts: whether the context is that, 1 or 0, a column each, called ``name_value``; not a
        number where the request says nothing. A whole number is its digits as a text. None: the
        context is a number itself, or a boolean.
    timezone_offset
        Of "hour" and "weekday": so far east of UTC.
    """
    moment = what in ("hour", "weekday")
    if not isinstance(what, str) or not what or what in _NO_CONTEXTS:
        raise InvalidArgumentError(
            f"context is 'hour', 'weekday', 'device', 'page', 'location' or the name of an "
            f"attribute of requests, not {what!r}"
        )
    if moment and values is not None:
        raise InvalidArgumentError(f"context: {what!r} is a number; it has no values")
    if not moment and timezone_offset is not None:
        raise InvalidArgumentError(f"context: {what!r} has no timezone_offset")
    wanted = texts(values)
    if wanted is None and what in MEMBERS:
        raise InvalidArgumentError(
            f"context: {what!r} is a text; say which values it tells apart: "
            f"context({what!r}, [...])"
        )
    if wanted is not None and not 1 <= len(set(wanted)) == len(wanted) <= 1000:
        raise InvalidArgumentError("context: values are 1 to 1,000 different texts")
    return declare(
        "context", name, [what], what=what, values=wanted, timezone_offset=timezone_offset
    )


def linear(
    weights: Mapping[str, float],
    *,
    intercept: float = 0.0,
    missing: Mapping[str, float] | None = None,
    logistic: bool = False,
    name: str,
) -> Declaration:
    """Compute what a linear model says: the intercept and a weight times each feature.

    For models that were fitted on a plan's own columns: how likely it is that someone buys or
    leaves, what they will be worth. It is computed wherever the plan is, as of any moment and for
    requests, and rules of segments may ask for it by name.

    Parameters
    ----------
    weights
        Features before it, by name, and their weights; a model's coefficients.
    missing
        What a feature counts as where it is not known, by name. One that is not listed makes the
        result unknown where it is.
    logistic
        Give 1 / (1 + e^-x) of that: the probability of a logistic regression.
    """
    told = dict(weights)
    instead = dict(missing or {})
    for number in (intercept, *told.values(), *instead.values()):
        if isinstance(number, bool) or not isinstance(number, (int, float, np.number)):
            raise InvalidArgumentError(f"linear: weights are numbers, not {number!r}")
        if not math.isfinite(number):
            raise InvalidArgumentError(f"linear: weights are finite, not {number}")
    if not 1 <= len(told) <= 300:
        raise InvalidArgumentError("linear: weights are those of 1 to 300 features")
    for one in instead:
        if one not in told:
            raise InvalidArgumentError(f"linear: missing names {one!r}, which has no weight")
    return declare(
        "linear",
        name,
        [],
        weights={one: float(weight) for one, weight in told.items()},
        intercept=float(intercept),
        missing={one: float(x) for one, x in instead.items()} or None,
        logistic=logistic or None,
    )


def expression(text: str, *, name: str) -> Declaration:
    """Compute from other features by name: `"monetary / frequency"`, `"otherwise(recency, 999)"`.

    Numbers, + - * /, comparisons, and, or, not, `a if c else b`, abs, log1p, sqrt, logistic
    (1 / (1 + e^-x)), min, max, known, otherwise. What is not known makes the result unknown, as
    does a division by zero.
    """
    return declare("expression", name, [], text=text)
