"""The knobs of a simulated shop."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from penchant.errors import InvalidArgumentError

__all__ = ["RetailConfig"]

_SHARES = (
    "new_items",
    "new_subjects",
    "wander",
    "attribute_strength",
    "repeat_loyalty",
    "satiation",
    "weekend_lift",
    "growth",
)
_AMOUNTS = (
    "taste_strength",
    "price_strength",
    "popularity_exponent",
    "activity_spread",
    "visits_per_week",
)


@dataclass(frozen=True, kw_only=True)
class RetailConfig:
    """Everything that a world follows from, together with nothing else.

    Attributes
    ----------
    subjects, items, days : int
        Customers, products, length of the log.
    seed : int
        Of every random number; zero or more.
    start : str
        First day, ISO date; the log is in UTC.
    factors : int
        Dimensions of taste.
    segments : int
        Groups of customers with similar tastes.
    categories : int
        Kinds of products, at most 12; fewer where there are fewer items.
    taste_strength : float
        How much a person's taste moves what they look at, in standard deviations of utility.
        Zero makes everybody alike, and popularity the best recommender.
    price_strength : float
        How much someone prefers products of their own price tier.
    popularity_exponent : float
        Of the heavy tail: the product of rank r has an appeal proportional to r ** -exponent.
    activity_spread : float
        Sigma of the log-normal number of visits a person makes.
    visits_per_week : float
        Of the average person.
    views_per_visit : float
        Pages looked at in an average visit; at least 1.
    wander : float
        Share of views outside the category that a visit is about.
    new_items : float
        Share of products launched during the log.
    new_subjects : float
        Share of customers who join during the log.
    attribute_strength : float
        How much the attributes of customers tell of their tastes and visits (`people`), from 0,
        nothing, to 1. No event depends on it.
    repeat_loyalty : float
        Chance that a consumable is bought again after its cadence, each time.
    satiation : float
        Chance that someone who would buy a durable product for a second time doesn't.
    weekend_lift : float
        Additional visits on Saturday and Sunday, as a share.
    growth : float
        Additional visits on the last day compared with the first, as a share.
    """

    subjects: int = 1000
    items: int = 500
    days: int = 90
    seed: int = 0
    start: str = "2025-01-06"
    factors: int = 8
    segments: int = 8
    categories: int = 12
    taste_strength: float = 1.8
    price_strength: float = 0.3
    popularity_exponent: float = 0.8
    activity_spread: float = 0.7
    visits_per_week: float = 1.0
    views_per_visit: float = 3.2
    wander: float = 0.3
    new_items: float = 0.15
    new_subjects: float = 0.2
    attribute_strength: float = 0.7
    repeat_loyalty: float = 0.75
    satiation: float = 0.85
    weekend_lift: float = 0.35
    growth: float = 0.1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int":
                floor = 0 if field.name == "seed" else 1
                if isinstance(value, bool) or not isinstance(value, int | np.integer):
                    raise InvalidArgumentError(f"{field.name} is {value!r}; it is a whole number")
                if value < floor:
                    raise InvalidArgumentError(f"{field.name} is {value}; it is {floor} or more")
            elif field.type == "float" and not math.isfinite(value):
                raise InvalidArgumentError(f"{field.name} is {value!r}; it is a finite number")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidArgumentError(f"{name} is {getattr(self, name)}; it is from 0 to 1")
        for name in _AMOUNTS:
            if getattr(self, name) < 0:
                raise InvalidArgumentError(f"{name} is {getattr(self, name)}; it is 0 or more")
        if self.categories > 12:
            raise InvalidArgumentError(f"categories is {self.categories}; it is 12 at most")
        if self.views_per_visit < 1:
            raise InvalidArgumentError(
                f"views_per_visit is {self.views_per_visit}; it is 1 or more"
            )
        try:
            np.datetime64(self.start, "D")
        except ValueError as error:
            raise InvalidArgumentError(
                f"start is {self.start!r}; it is a date like 2025-01-06"
            ) from error

    @property
    def start_time(self) -> np.datetime64:
        """Midnight of the first day, in seconds."""
        return np.datetime64(self.start, "D").astype("datetime64[s]")

    @property
    def first_weekday(self) -> int:
        """Day of the week of the first day, Monday being 0."""
        days = int(np.datetime64(self.start, "D").astype(np.int64))
        return (days + 3) % 7  # 1970-01-01 was a Thursday
