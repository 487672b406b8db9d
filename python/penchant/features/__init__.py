"""Features declared once: computed as of any moment for training, and live when serving.

>>> from penchant import features
>>> plan = features.Plan([features.recency("purchase"), features.frequency()])
"""

from __future__ import annotations

from .beside_events import (
    attribute,
    context,
    expression,
    linear,
    number,
    one_hot,
    price_tier,
)
from .declarations import (
    Declaration,
    affinity,
    average_spend,
    cadence,
    count,
    decayed,
    distinct,
    first_seen,
    frequency,
    last_items,
    maximum,
    mean,
    minimum,
    monetary,
    popularity,
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
