"""What an oracle knows about a world: the measure of what a recommender could learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.datasets._frames import to_arrow
from penchant.errors import InvalidArgumentError, NotFoundError
from penchant.simulate.catalog import Catalog
from penchant.simulate.config import RetailConfig
from penchant.simulate.funnel import cart_chance, checkout_chance
from penchant.simulate.people import People
from penchant.simulate.repeats import due_chance
from penchant.simulate.seasons import Seasons
from penchant.simulate.tastes import Tastes
from penchant.simulate.visits import Habits

__all__ = ["Truth"]


@dataclass(frozen=True, repr=False)
class Truth:
    """The truth behind the events of a world.

    Rows are subjects in the order of `subject_ids` (or those asked for), columns are items in the
    order of `item_ids`, which is that of ``world.catalog``.

    Attributes
    ----------
    config : RetailConfig
    subject_ids, item_ids : list of str
    catalog : Catalog
        With what a shop's own table doesn't tell: cadence and return share.
    tastes : Tastes
        Segments, factors, appeal.
    seasons : Seasons
        Traffic and trends by day.
    habits : Habits
        Visits a day, day of joining.
    people : People
        What the shop knows of customers beside events.
    """

    config: RetailConfig
    subject_ids: list[str]
    item_ids: list[str]
    catalog: Catalog
    tastes: Tastes
    seasons: Seasons
    habits: Habits
    people: People

    def __repr__(self) -> str:
        return f"Truth({len(self.subject_ids)} subjects, {len(self.item_ids)} items)"

    @property
    def subject_factors(self) -> np.ndarray:
        """Tastes, float64 [subjects, factors + 1]; the last one is the price tier."""
        return self.tastes.subject_factors

    @property
    def item_factors(self) -> np.ndarray:
        """What tastes are about, float64 [items, factors + 1]."""
        return self.tastes.item_factors

    @property
    def appeal(self) -> np.ndarray:
        """Popularity on a log scale, float64 [items]."""
        return self.tastes.appeal

    def affinity(self, subjects: Sequence[str] | None = None) -> np.ndarray:
        """Return the utility of every item: float64 [subjects, items]."""
        return self.tastes.utility(self._rows(subjects))

    def view_chance(self, day: int, subjects: Sequence[str] | None = None) -> np.ndarray:
        """Return the chance that a look on `day` falls on each item: float64 [subjects, items].

        Every row sums to one.
        """
        self._check_days(day, day + 1)
        weight, mass = self._weights(self._rows(subjects))
        return self._within(weight, day) * mass[:, self.catalog.category]

    def purchase_chance(self, subjects: Sequence[str] | None = None) -> np.ndarray:
        """Return the chance that the first look of a visit ends in a purchase: [subjects, items].

        Satiation (a durable product owned already) is not in it.
        """
        rows = self._rows(subjects)
        match = self.tastes.utility(rows) - self.appeal
        return cart_chance(match) * checkout_chance(match)

    def expected_purchases(
        self,
        start: int,
        end: int,
        subjects: Sequence[str] | None = None,
        history: Any = None,
    ) -> np.ndarray:
        """Return how many purchases of each item to expect: the oracle's ranking.

        Parameters
        ----------
        start, end : int
            Days of the log, `end` not included.
        subjects : sequence of str, optional
            Ids; everybody by default.
        history : frame, optional
            Events before `start`. With them the oracle knows what is owned already and which
            consumables fall due; without them it answers for someone who owns nothing.

        Returns
        -------
        float64 array [subjects, items]
            Of due consumables the next purchase counts, not the ones after it.
        """
        self._check_days(start, end)
        rows = self._rows(subjects)
        weight, mass = self._weights(rows)
        seen = np.zeros_like(weight)
        for day in range(start, end):
            present = (self.habits.joined[rows] <= day) * self.seasons.traffic[day]
            visits = self.habits.visits_per_day[rows] * present
            seen += visits[:, None] * self._seen_in_visit(weight, mass, day)
        expected = seen * self.purchase_chance(subjects)
        if history is not None:
            self._know(history, rows, start, end, expected)
        return expected

    def _know(
        self, history: Any, rows: np.ndarray, start: int, end: int, expected: np.ndarray
    ) -> None:
        """Correct `expected` by what was bought before `start`."""
        table = to_arrow(history)
        bought = table.filter(pc.equal(table["event"], "purchase"))
        stamps = bought["time"].cast(pa.timestamp("ns")).to_numpy()
        days = (stamps - self.config.start_time) / np.timedelta64(1, "D")
        row_of = {self.subject_ids[row]: place for place, row in enumerate(rows)}
        item_of = {name: place for place, name in enumerate(self.item_ids)}
        row = np.array([row_of.get(s, -1) for s in bought["subject"].to_pylist()], np.int64)
        item = np.array([item_of[i] for i in bought["item"].to_pylist()], np.int64)
        counts = (row >= 0) & (days < start)
        last = np.full(expected.shape, -np.inf)
        np.maximum.at(last, (row[counts], item[counts]), days[counts])
        owned = np.isfinite(last)
        lasting = np.isnan(self.catalog.cadence)[None, :]
        expected[owned & lasting] *= 1.0 - self.config.satiation

        r, i = np.nonzero(owned & ~lasting)
        cadence, since = self.catalog.cadence[i], last[r, i]
        early, late = due_chance(start - since, cadence), due_chance(end - since, cadence)
        loyal = self.config.repeat_loyalty
        # Bayes: that nothing has happened yet speaks for having stopped.
        expected[r, i] += loyal * (late - early) / np.maximum(1.0 - loyal * early, 1e-12)

    def _weights(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """exp(utility) up to a factor a row [n, items]; share of each category [n, categories]."""
        utility = self.tastes.utility(rows)
        weight = np.exp(utility - utility.max(axis=1, keepdims=True))
        mass = np.add.reduceat(weight, self.catalog.first_of_category[:-1], axis=1)
        return weight, mass / mass.sum(axis=1, keepdims=True)

    def _within(self, weight: np.ndarray, day: int) -> np.ndarray:
        """Chance of each item among the looks at its category: [n, items]."""
        shown: np.ndarray = weight * self.seasons.trend[day]
        sums = np.add.reduceat(shown, self.catalog.first_of_category[:-1], axis=1)
        return shown / sums[:, self.catalog.category]

    def _seen_in_visit(self, weight: np.ndarray, mass: np.ndarray, day: int) -> np.ndarray:
        """Chance that a visit looks at each item at least once: [n, items].

        A look falls on the item with chance a = (1 - w) q + w m q in a visit about its category,
        and with w m q in any other one (w: wander, q: within the category, m: the category's
        share); a visit has N looks, and the mean of (1 - a)^N for a geometric N with mean 1 / p is
        p (1 - a) / (1 - (1 - p) (1 - a)).
        """
        share = mass[:, self.catalog.category]
        within = self._within(weight, day)
        wandering = self.config.wander * share * within
        staying = (1.0 - self.config.wander) * within + wandering
        p = 1.0 / self.config.views_per_visit

        def missed(look: np.ndarray) -> np.ndarray:
            result: np.ndarray = p * (1.0 - look) / (1.0 - (1.0 - p) * (1.0 - look))
            return result

        return 1.0 - share * missed(staying) - (1.0 - share) * missed(wandering)

    def _rows(self, subjects: Sequence[str] | None) -> np.ndarray:
        if subjects is None:
            return np.arange(len(self.subject_ids))
        place = {name: row for row, name in enumerate(self.subject_ids)}
        try:
            return np.array([place[name] for name in subjects], np.int64)
        except KeyError as error:
            raise NotFoundError(f"no subject {error.args[0]!r} in this world") from None

    def _check_days(self, start: int, end: int) -> None:
        if not 0 <= start <= end <= self.config.days:
            raise InvalidArgumentError(
                f"days {start} to {end} are not within the log's {self.config.days} days"
            )
