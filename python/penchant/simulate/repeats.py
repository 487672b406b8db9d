"""What is used up is bought again.

The first purchase of a consumable starts a chain: with probability `repeat_loyalty` it is bought
again after a Weibull time (shape 4) whose mean is the item's cadence, and then again, until the
subject stops or the log ends. What falls due on one day is bought in one visit.
"""

from __future__ import annotations

import math

import numpy as np

from penchant.simulate.catalog import Catalog
from penchant.simulate.config import RetailConfig
from penchant.simulate.funnel import first_purchases, quantities
from penchant.simulate.log import CART, PURCHASE, VIEW, Log
from penchant.simulate.seasons import DAY, Seasons, second_of_day
from penchant.simulate.streams import stream

__all__ = ["due_chance", "repeat_log"]

_SHAPE = 4.0
_MEAN = math.gamma(1.0 + 1.0 / _SHAPE)
_PAGE_SECONDS = 50


def due_chance(days: np.ndarray, cadence: np.ndarray) -> np.ndarray:
    """Chance that a repeat falls due within `days` of a purchase, given that there is one."""
    scaled = np.maximum(days, 0.0) * _MEAN / cadence
    result: np.ndarray = -np.expm1(-(scaled**_SHAPE))
    return result


def repeat_log(
    config: RetailConfig, catalog: Catalog, seasons: Seasons, purchases: Log, first_session: int
) -> Log:
    """Page views, carts and purchases of everything bought again.

    Parameters
    ----------
    purchases : Log
        Purchases of ordinary visits.
    first_session : int
        Number of the first session to be opened here.
    """
    rng = stream(config.seed, "repeats")
    starts = first_purchases(purchases) & ~np.isnan(catalog.cadence[purchases.item])
    subject, item = purchases.subject[starts], purchases.item[starts]
    time = purchases.time[starts].astype(float)
    due: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    while len(subject):
        wait = rng.weibull(_SHAPE, len(subject)) * catalog.cadence[item] / _MEAN
        time = time + np.maximum(wait, 1.0) * DAY
        on = (rng.random(len(subject)) < config.repeat_loyalty) & (time < config.days * DAY)
        subject, item, time = subject[on], item[on], time[on]
        due.append((subject, item, (time // DAY).astype(np.int64)))
    if not due:
        due.append((subject, item, time.astype(np.int64)))
    subject, item, day = (np.concatenate(column) for column in zip(*due, strict=True))

    order = np.lexsort((item, day, subject))
    subject, item, day = subject[order], item[order], day[order]
    _, visit, size = np.unique(subject * config.days + day, return_inverse=True, return_counts=True)
    begins = np.cumsum(size) - size
    start = second_of_day(rng, seasons.weekend[day[begins]]) + day[begins] * DAY
    place = np.arange(len(subject)) - begins[visit]
    look = start[visit] + _PAGE_SECONDS * place
    checkout = start + _PAGE_SECONDS * size + rng.integers(30, 180, len(size))
    pieces = quantities(rng, catalog, item)
    session = first_session + visit
    one = np.ones(len(subject), np.int64)
    return Log.join(
        [
            Log(subject, item, look, VIEW * one, one, session),
            Log(subject, item, look + 15, CART * one, pieces, session),
            Log(subject, item, checkout[visit], PURCHASE * one, pieces, session),
        ]
    )
