"""Which product a look falls on.

A visit is about one category, drawn in proportion to the subject's weight on it; some looks wander
to a category of their own. Within category g, on day d, subject u looks at item i with probability

    exp(utility[u, i]) trend[d, i] / sum over j in g of exp(utility[u, j]) trend[d, j].

Weights are rounded to whole numbers and summed as such, so neither the order of a sum nor the last
bit of an exponential function decides a draw.
"""

from __future__ import annotations

import numpy as np

from penchant.simulate.catalog import Catalog
from penchant.simulate.config import RetailConfig
from penchant.simulate.seasons import Seasons
from penchant.simulate.streams import stream
from penchant.simulate.tastes import Tastes
from penchant.simulate.visits import Views

__all__ = ["choose_items"]

_CELLS_AT_ONCE = 1 << 20
_UNIT = 2.0**31
_ROUNDS = 60


def choose_items(
    config: RetailConfig, catalog: Catalog, tastes: Tastes, seasons: Seasons, views: Views
) -> np.ndarray:
    """Draw the item of every look.

    Returns
    -------
    int64 array [views]
        -1 in the rare case that nothing on sale was found.
    """
    items = np.full(len(views.subject), -1, np.int64)
    size = max(1, _CELLS_AT_ONCE // config.items)
    for block, first in enumerate(range(0, config.subjects, size)):
        subjects = np.arange(first, min(first + size, config.subjects))
        low, high = np.searchsorted(views.subject, [first, first + len(subjects)])
        if low == high:
            continue
        rng = stream(config.seed, "choice", block)
        drawer = _Drawer(tastes.utility(subjects), catalog)
        rows = views.subject[low:high] - first
        category = _categories(rng, config.wander, drawer, rows, views.visit[low:high])
        items[low:high] = _on_sale(rng, drawer, rows, category, seasons.trend, views.day[low:high])
    return items


class _Drawer:
    """Draws items for a block of subjects from their weights, summed up in one long row."""

    def __init__(self, utility: np.ndarray, catalog: Catalog) -> None:
        utility -= utility.max(axis=1, keepdims=True)
        weights = np.rint(np.exp(utility, out=utility) * _UNIT, out=utility)
        self._sums = np.zeros(weights.size + 1, np.int64)
        np.cumsum(weights.ravel().astype(np.int64), out=self._sums[1:])
        self._items = weights.shape[1]
        self._first = catalog.first_of_category
        self.category = catalog.category

    def draw(
        self, rng: np.random.Generator, rows: np.ndarray, category: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw an item for each row [n], from its category or from all: int64 [n]."""
        start = rows * self._items
        if category is None:
            low, high = start, start + self._items
        else:
            low, high = start + self._first[category], start + self._first[category + 1]
        below, above = self._sums[low], self._sums[high]
        point = below + (rng.random(len(rows)) * (above - below)).astype(np.int64)
        cell = np.searchsorted(self._sums, point, side="right") - 1
        # A category without any weight left after rounding answers with its first item.
        return np.where(above > below, np.clip(cell, low, high - 1), low) - start


def _categories(
    rng: np.random.Generator,
    wander: float,
    drawer: _Drawer,
    rows: np.ndarray,
    visit: np.ndarray,
) -> np.ndarray:
    """Category of each look: its visit's, or one of its own."""
    first = np.flatnonzero(np.r_[True, visit[1:] != visit[:-1]])
    of_visit = drawer.category[drawer.draw(rng, rows[first])]
    category = np.repeat(of_visit, np.diff(np.r_[first, len(visit)]))
    wanders = np.flatnonzero(rng.random(len(visit)) < wander)
    category[wanders] = drawer.category[drawer.draw(rng, rows[wanders])]
    return category


def _on_sale(
    rng: np.random.Generator,
    drawer: _Drawer,
    rows: np.ndarray,
    category: np.ndarray,
    trend: np.ndarray,
    day: np.ndarray,
) -> np.ndarray:
    """Draw until the trend of the day accepts: the trend is a share, so this is exact."""
    items = np.full(len(rows), -1, np.int64)
    open_ = np.arange(len(rows))
    for _ in range(_ROUNDS):
        proposed = drawer.draw(rng, rows[open_], category[open_])
        accepted = rng.random(len(open_)) < trend[day[open_], proposed]
        items[open_[accepted]] = proposed[accepted]
        open_ = open_[~accepted]
        if not len(open_):
            break
    return items
