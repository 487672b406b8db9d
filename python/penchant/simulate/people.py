"""What a shop knows of its customers beside events: attributes that tell of tastes, more or less.

With a = ``attribute_strength``, drawn from streams of their own:

- **region**: of the customer's segment with chance a, else any, all alike;
- **age**: 45 + 14 z years within 18 and 90, z = a t + sqrt(1 - a^2) e, t the first latent factor of
  the customer in standard deviations and e normal noise, so that the correlation of age with that
  factor is a;
- **tier**: "gold", "silver" or "basic" by a z of the same kind, t being the (log) visits a day: an
  eighth are gold, a quarter silver.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.simulate.config import RetailConfig
from penchant.simulate.streams import stream
from penchant.simulate.tastes import Tastes
from penchant.simulate.visits import Habits

__all__ = ["TIERS", "People", "make_people", "region_names"]

TIERS = ("basic", "silver", "gold")
_REGIONS = ("north", "south", "east", "west", "coast", "lakes", "hills", "city")
_MEAN_AGE, _AGE_SPREAD, _YOUNGEST, _OLDEST = 45.0, 14.0, 18, 90
_UPPER_SHARES = (0.375, 0.125)  # of customers who are silver or gold, and gold


@dataclass(frozen=True)
class People:
    """Attributes of the customers.

    Attributes
    ----------
    region : int64 [subjects]
        Index of `region_names`; a region is the home of one segment.
    age : int64 [subjects]
        Years.
    tier : int64 [subjects]
        Index of `TIERS`.
    """

    region: np.ndarray
    age: np.ndarray
    tier: np.ndarray


def region_names(config: RetailConfig) -> list[str]:
    """Names of the regions, one a segment."""
    return [
        _REGIONS[at] if at < len(_REGIONS) else f"region {at + 1}" for at in range(config.segments)
    ]


def make_people(config: RetailConfig, tastes: Tastes, habits: Habits) -> People:
    """Draw the attributes of everybody."""
    rng = stream(config.seed, "attributes")
    at_home = rng.random(config.subjects) < config.attribute_strength
    anywhere = rng.integers(0, config.segments, config.subjects)
    region = np.where(at_home, tastes.segment, anywhere)
    age = _MEAN_AGE + _AGE_SPREAD * _correlated(config, tastes.subject_factors[:, 0], rng)
    visits = _correlated(config, np.log(habits.visits_per_day + 1e-12), rng)
    edges = np.quantile(visits, [1.0 - share for share in _UPPER_SHARES])
    return People(
        region,
        np.clip(np.floor(age), _YOUNGEST, _OLDEST).astype(np.int64),
        np.searchsorted(edges, visits, side="right"),
    )


def _correlated(config: RetailConfig, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Standard scores whose correlation with `values` is `attribute_strength`."""
    spread = values.std()
    centred = (values - values.mean()) / spread if spread > 0 else np.zeros(len(values))
    share = config.attribute_strength
    noise: np.ndarray = rng.normal(size=len(values))
    return share * centred + np.sqrt(1.0 - share**2) * noise
