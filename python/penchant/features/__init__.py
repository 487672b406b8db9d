"""Features declared once: computed as of any moment for training, and live when serving.

>>> from penchant import features
>>> plan = features.Plan([features.recency("purchase"), features.frequency()])
"""

from __future__ import annotations

from .declarations import (
    Declaration,
    affinity,
    attribute,
    average_spend,
    cadence,
    context,
    count,
    decayed,
    distinct,
    expression,
    first_seen,
    frequency,
    last_items,
    linear,
    maximum,
    mean,
    minimum,
    monetary,
    number,
    one_hot,
    popularity,
    price_tier,
    rate,
    recency,
    sum,  # noqa: A004
    top,
    trend,
)
from .lists import basket, cart, favorites, latest, rank_in, similarity, together
from .plan import Plan
from .state import State

__all__ = [
    "Declaration",
    "Plan",
    "State",
    "affinity",
    "attribute",
    "average_spend",
    "basket",
    "cadence",
    "cart",
    "context",
    "count",
    "decayed",
    "distinct",
    "expression",
    "favorites",
    "first_seen",
    "frequency",
    "last_items",
    "latest",
    "linear",
    "maximum",
    "mean",
    "minimum",
    "monetary",
    "number",
    "one_hot",
    "popularity",
    "price_tier",
    "rank_in",
    "rate",
    "recency",
    "similarity",
    "sum",
    "together",
    "top",
    "trend",
]
