"""Who likes what: latent tastes, and the utility of an item for a subject.

The utility of item i for subject u is linear,

    utility[u, i] = subject_factors[u] . item_factors[i] + appeal[i],

where the last factor is the price tier and the others are latent. Items of one category, and more
so of one type, have similar factors; subjects of one segment have similar tastes. ``appeal``
carries the heavy tail of popularity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.simulate.catalog import Catalog
from penchant.simulate.config import RetailConfig
from penchant.simulate.streams import stream

__all__ = ["Tastes", "make_tastes"]


@dataclass(frozen=True)
class Tastes:
    """The latent side of a world.

    Attributes
    ----------
    segment : int64 [subjects]
    subject_factors : float64 [subjects, factors + 1]
    item_factors : float64 [items, factors + 1]
    appeal : float64 [items]
        What everybody feels about an item, log scale.
    match_bias : float64 [items]
        The part of the price term that doesn't depend on the subject.
    """

    segment: np.ndarray
    subject_factors: np.ndarray
    item_factors: np.ndarray
    appeal: np.ndarray
    match_bias: np.ndarray

    def utility(self, subjects: np.ndarray) -> np.ndarray:
        """Utility of every item for `subjects` (int indices [n]): float64 [n, items].

        A plain sum over the factors in their order, not a BLAS product: the bits don't depend on
        the library or its threads.
        """
        total = np.tile(self.appeal + self.match_bias, (len(subjects), 1))
        for k in range(self.item_factors.shape[1]):
            total += self.subject_factors[subjects, k, None] * self.item_factors[None, :, k]
        return total

    def match(self, subjects: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Utility without appeal for pairs (int indices [n] each): how well an item fits, [n]."""
        total = self.match_bias[items]
        for k in range(self.item_factors.shape[1]):
            total = total + self.subject_factors[subjects, k] * self.item_factors[items, k]
        return total


def make_tastes(config: RetailConfig, catalog: Catalog) -> Tastes:
    """Draw the tastes of a world."""
    rng = stream(config.seed, "items' factors")
    kinds = int(catalog.kind.max()) + 1
    of_category = rng.normal(size=(len(catalog.category_of_shop), config.factors))
    of_kind = rng.normal(size=(kinds, config.factors))
    own = rng.normal(size=(config.items, config.factors))
    # Shares of variance; every coordinate ends up with variance one.
    items = (
        np.sqrt(0.5) * of_category[catalog.category]
        + np.sqrt(0.3) * of_kind[catalog.kind]
        + np.sqrt(0.2) * own
    )
    rank = rng.permutation(config.items)
    appeal = -config.popularity_exponent * np.log(1.0 + rank)

    rng = stream(config.seed, "subjects' factors")
    segment = rng.integers(0, config.segments, config.subjects)
    of_segment = rng.normal(size=(config.segments, config.factors))
    own = rng.normal(size=(config.subjects, config.factors))
    subjects = np.sqrt(0.5) * of_segment[segment] + np.sqrt(0.5) * own
    subjects *= config.taste_strength / np.sqrt(config.factors)

    # -s/2 (item tier - own tier)^2 without its subject part, which moves no choice.
    tier = rng.normal(size=config.subjects)
    return Tastes(
        segment=segment,
        subject_factors=np.column_stack([subjects, config.price_strength * tier]),
        item_factors=np.column_stack([items, catalog.price_tier]),
        appeal=appeal,
        match_bias=-0.5 * config.price_strength * catalog.price_tier**2,
    )
