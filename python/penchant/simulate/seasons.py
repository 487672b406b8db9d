"""When things happen: days of the week, hours of the day, trends of products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.simulate.catalog import Catalog
from penchant.simulate.config import RetailConfig
from penchant.simulate.streams import stream

__all__ = ["DAY", "Seasons", "make_seasons", "second_of_day"]

DAY = 86_400
"""Seconds in a day."""

# Relative traffic of the hours 0..23.
_WORKDAY = np.array(
    [2, 1, 1, 1, 1, 1, 3, 6, 9, 10, 11, 12, 14, 12, 11, 11, 12, 14, 18, 22, 24, 20, 12, 6], float
)
_WEEKEND = np.array(
    [4, 3, 2, 1, 1, 1, 2, 4, 8, 13, 17, 18, 17, 16, 16, 16, 15, 14, 14, 16, 17, 15, 11, 7], float
)


@dataclass(frozen=True)
class Seasons:
    """The calendar of a world.

    Attributes
    ----------
    traffic : float64 [days]
        Visits of a day as a multiple of the average day; the mean is one.
    trend : float32 [days, items]
        Demand for an item on a day, as a share of its best day: 0 before its launch, 1 at most.
    weekend : bool [days]
    """

    traffic: np.ndarray
    trend: np.ndarray
    weekend: np.ndarray


def make_seasons(config: RetailConfig, catalog: Catalog) -> Seasons:
    """Draw the calendar of a world."""
    day = np.arange(config.days)
    weekend = (config.first_weekday + day) % 7 >= 5
    traffic = 1.0 + config.growth * day / max(1, config.days - 1)
    traffic *= 1.0 + config.weekend_lift * weekend
    return Seasons(
        traffic=traffic / traffic.mean(),
        trend=_trends(config, catalog).astype(np.float32),
        weekend=weekend,
    )


def _trends(config: RetailConfig, catalog: Catalog) -> np.ndarray:
    """Demand by day and item: a season by category, a rise or fall by item, a launch."""
    rng = stream(config.seed, "trends")
    day = np.arange(config.days, dtype=float)[:, None]
    categories = len(catalog.category_of_shop)

    # A yearly wave, of which a log of ninety days shows a quarter.
    height = rng.uniform(0.0, 0.35, categories)[catalog.category]
    phase = rng.uniform(0.0, 2.0 * np.pi, categories)[catalog.category]
    wave = 1.0 + height * np.sin(2.0 * np.pi * day / 365.0 + phase)

    # A third of the items come into fashion or go out of it around a day of their own.
    moving = rng.random(config.items) < 1 / 3
    direction = np.where(rng.random(config.items) < 0.5, 1.0, -1.0)
    turn = rng.uniform(0.0, config.days, config.items)
    speed = rng.uniform(4.0, 14.0, config.items)
    slope = 0.25 + 0.75 / (1.0 + np.exp(np.clip(-direction * (day - turn) / speed, -50, 50)))
    fashion = np.where(moving, slope, 1.0)

    # New items start with a burst of attention that settles at a half.
    age = day - catalog.launch_day
    settled = 0.5 + 0.5 * np.exp(-np.maximum(age, 0.0) / 14.0)
    launch = np.where(catalog.launch_day > 0, np.where(age >= 0, settled, 0.0), 1.0)

    trend: np.ndarray = wave * fashion * launch
    return trend / trend.max(axis=0)


def second_of_day(rng: np.random.Generator, weekend: np.ndarray) -> np.ndarray:
    """Draw a second of the day for each entry of `weekend` (bool [n]): int64 [n]."""
    where = rng.random(len(weekend))
    workday = np.searchsorted(np.cumsum(_WORKDAY) / _WORKDAY.sum(), where, side="right")
    free = np.searchsorted(np.cumsum(_WEEKEND) / _WEEKEND.sum(), where, side="right")
    hour = np.minimum(np.where(weekend, free, workday), 23)
    return hour * 3600 + rng.integers(0, 3600, len(weekend))
