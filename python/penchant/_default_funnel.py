"""The funnel that `Pipeline()` builds when it is not told its sources.

Everything that has a scale takes it from the data's own span, so that the same defaults serve a
year of purchases and a week of them.
"""

from __future__ import annotations

from typing import Any

from .data.dataset import Dataset
from .models._base import Model
from .models._features import subject_columns
from .models.als import ALS
from .models.blend import Blend
from .models.hybrid import Hybrid
from .models.item_knn import ItemKNN
from .models.popular import Popular
from .models.repeat_purchase import RepeatPurchase
from .ranking.gbdt_ranker import GBDTRanker

__all__ = [
    "cold_prior_weights",
    "cold_sources",
    "default_ranker",
    "default_sources",
    "knows_people",
    "prior_weights",
    "span_days",
]

_DAY = 86_400 * 1_000_000
_MOST_SEGMENTS = 3  # attributes that segments are nested by


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


def cold_sources(data: Dataset, *, seed: int = 0, threads: int | None = None) -> list[Model]:
    """What else speaks for people without a history, where the dataset has their attributes.

    Factors that lean on attributes, and popularity among people of the same; none without.
    """
    by = [name for name, _, _ in subject_columns(data._people, text=[])][:_MOST_SEGMENTS]
    if data._people is None:
        return []
    timed = data._core.last_time is not None
    memory = f"{max(span_days(data) / 6, 30):.6g}d" if timed else None
    sources: list[Model] = [
        Hybrid(
            factors=32,
            alpha=10.0,
            regularization=50.0,
            weighting="capped",
            half_life=memory,
            seed=seed,
            threads=threads,
        )
    ]
    if by:
        sources.append(Popular(half_life=memory, by=by))
    return sources


def default_ranker() -> GBDTRanker:
    """The ranker of ``penchant train --ranker``: small trees, many rows a leaf.

    Cross-entropy over a list did best of the objectives on the last windows of Online Retail's
    training data (benchmarks/README.md), and is the quickest to fit.
    """
    return GBDTRanker(
        objective="xendcg", trees=300, leaves=15, learning_rate=0.1, min_leaf_samples=200
    )


def knows_people(source: Model) -> bool:
    """Whether a source can answer by attributes of people alone."""
    if isinstance(source, Blend):
        return any(knows_people(member) for member in source.models or [])
    return isinstance(source, Hybrid) or (isinstance(source, Popular) and source.by is not None)


def cold_prior_weights(sources: list[Model]) -> list[float]:
    """Weights to start from where there is no history: 0 for what then has nothing to go on."""
    return [
        1.0 if knows_people(source) else 0.25 if isinstance(source, Popular) else 0.0
        for source in sources
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
