"""The funnel that `Pipeline()` builds when it is not told its sources.

Everything that has a scale takes it from the data's own span, so that the same defaults serve a
year of purchases and a week of them.
"""

from __future__ import annotations

from typing import Any

from .data.dataset import Dataset
from .models._base import Model
from .models.als import ALS
from .models.item_knn import ItemKNN
from .models.popular import Popular
from .models.repeat_purchase import RepeatPurchase

__all__ = ["default_sources", "prior_weights", "span_days"]

_DAY = 86_400 * 1_000_000


def span_days(data: Dataset) -> float:
    """Days from the first to the last event; 0 for a log without times."""
    first, last = data._core.first_time, data._core.last_time
    return 0.0 if first is None or last is None else (last - first) / _DAY


def default_sources(data: Dataset, *, seed: int = 0, threads: int | None = None) -> list[Model]:
    """Six sources: factorization, two neighbourhoods, two popularities, repeat purchase.

    A pair counts by how lately it was last seen, halved over a sixth of the log's span (at least
    30 days: shorter memories starve on short logs).
    """
    span = span_days(data)
    timed = data._core.last_time is not None
    memory = f"{max(span / 6, 30):.6g}d" if timed else None
    common: dict[str, Any] = {"weighting": "capped", "half_life": memory, "threads": threads}
    sources: list[Model] = [
        ALS(factors=128, alpha=10.0, regularization=50.0, seed=seed, **common),
        ItemKNN(similarity="bm25", neighbors=500, **common),
        ItemKNN(similarity="tfidf", neighbors=200, **common),
    ]
    if not timed:
        return [*sources, Popular(), RepeatPurchase()]
    return [
        *sources,
        Popular(window="28d"),
        Popular(half_life=f"{max(span / 24, 14):.6g}d"),
        RepeatPurchase(),
    ]


def prior_weights(sources: list[Model], *, repeats: bool) -> list[float]:
    """Weights to start from, and to keep where there is nothing to learn from."""
    weights = []
    for source in sources:
        if isinstance(source, RepeatPurchase):
            weights.append(1.0 if repeats else 0.0)
        elif isinstance(source, Popular) or not repeats:
            weights.append(0.5)
        else:
            weights.append(0.25)
    # A funnel of repeat purchases alone still has to answer when repeats are left out.
    return weights if any(weights) else [1.0] * len(weights)
