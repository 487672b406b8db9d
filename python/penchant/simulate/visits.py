"""Who comes when, and how many pages they look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.simulate.config import RetailConfig
from penchant.simulate.seasons import DAY, Seasons, second_of_day
from penchant.simulate.streams import stream

__all__ = ["Habits", "Views", "make_habits", "plan_views"]

_MOST_VIEWS = 40
_SECONDS_ON_A_PAGE = 45.0


@dataclass(frozen=True)
class Habits:
    """How often people come.

    Attributes
    ----------
    visits_per_day : float64 [subjects]
        Expected visits on an average day, once they have joined.
    joined : int64 [subjects]
        Day of the log on which they come for the first time at the earliest; 0 for old customers.
    """

    visits_per_day: np.ndarray
    joined: np.ndarray


@dataclass(frozen=True)
class Views:
    """Looks at pages, before it is known which product; grouped by subject, visits in order.

    Attributes
    ----------
    visit, subject, day, time : int64 [views]
        `visit` counts from 0; `time` is in seconds from the start of the log.
    last_time : int64 [visits]
        Time of the last look of a visit.
    """

    visit: np.ndarray
    subject: np.ndarray
    day: np.ndarray
    time: np.ndarray
    last_time: np.ndarray


def make_habits(config: RetailConfig) -> Habits:
    """Draw how often everybody comes."""
    rng = stream(config.seed, "habits")
    spread = config.activity_spread
    rate = rng.lognormal(-0.5 * spread**2, spread, config.subjects)  # mean one
    late = rng.random(config.subjects) < config.new_subjects
    day = rng.integers(0, config.days, config.subjects)
    return Habits(rate * config.visits_per_week / 7.0, np.where(late, day, 0))


def plan_views(config: RetailConfig, habits: Habits, seasons: Seasons) -> Views:
    """Draw visits and their looks at pages.

    On each day since joining, a subject makes a Poisson number of visits with mean
    ``visits_per_day * traffic[day]``. A visit has one look and a geometric number more.
    """
    rng = stream(config.seed, "visits")
    # A Poisson total, spread over the days in proportion, is Poisson on each day.
    before = np.concatenate([[0.0], np.cumsum(seasons.traffic)])
    open_from, total = before[habits.joined], before[-1]
    visits = rng.poisson(habits.visits_per_day * (total - open_from))
    subject = np.repeat(np.arange(config.subjects), visits)
    where = open_from[subject] + rng.random(len(subject)) * (total - open_from[subject])
    day = np.clip(np.searchsorted(before, where, side="right") - 1, 0, config.days - 1)
    start = day * DAY + second_of_day(rng, seasons.weekend[day])
    order = np.lexsort((start, subject))
    subject, day, start = subject[order], day[order], start[order]

    looks = np.minimum(rng.geometric(1.0 / config.views_per_visit, len(subject)), _MOST_VIEWS)
    visit = np.repeat(np.arange(len(subject)), looks)
    stay = 1 + rng.lognormal(np.log(_SECONDS_ON_A_PAGE), 0.8, len(visit)).astype(np.int64)
    elapsed = np.cumsum(stay) - stay
    first = np.cumsum(looks) - looks
    time = start[visit] + elapsed - elapsed[first][visit]
    last_time = time[first + looks - 1] if len(first) else time
    return Views(visit, subject[visit], day[visit], time, last_time)
