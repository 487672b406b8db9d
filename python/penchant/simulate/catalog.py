"""What the shop sells: categories, types, brands, prices, launch days, names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.simulate.config import RetailConfig
from penchant.simulate.streams import stream
from penchant.simulate.words import BRANDS, CATEGORIES

__all__ = ["Catalog", "make_catalog"]

_BRANDS_PER_CATEGORY = 6


@dataclass(frozen=True)
class Catalog:
    """Products, grouped by category; every array has one entry an item [items].

    Attributes
    ----------
    ids : list of str
        Numbered in random order, so an id says nothing about its product.
    names : list of str
        All different.
    category, kind, brand : int64
        `category` counts the categories of this shop and ascends; `kind` is the thing within the
        category, with one number for each pair of the two; `brand` points into `BRANDS`.
    first_of_category : int64 [categories + 1]
        Items of category c are ``first_of_category[c]`` up to ``first_of_category[c + 1]``.
    category_of_shop : int64 [categories]
        Which entry of `CATEGORIES` a category is.
    price : float64
        Of one piece.
    price_tier : float64
        Log price within its category, standardized.
    launch_day : int64
        Day of the log on which it can be seen first; 0 for what was always there.
    cadence : float64
        Days until it is used up; NaN for what lasts.
    return_share : float64
        Share sent back by people whom it fits as usual.
    """

    ids: list[str]
    names: list[str]
    category: np.ndarray
    kind: np.ndarray
    brand: np.ndarray
    first_of_category: np.ndarray
    category_of_shop: np.ndarray
    price: np.ndarray
    price_tier: np.ndarray
    launch_day: np.ndarray
    cadence: np.ndarray
    return_share: np.ndarray

    def category_names(self) -> list[str]:
        """Return the category of each item in words."""
        words = [CATEGORIES[c].name for c in self.category_of_shop]
        return [words[c] for c in self.category]

    def kind_names(self) -> list[str]:
        """Return the thing that each item is, in words."""
        return [
            CATEGORIES[self.category_of_shop[c]].things[k % len(CATEGORIES[0].things)]
            for c, k in zip(self.category, self.kind, strict=True)
        ]


def make_catalog(config: RetailConfig) -> Catalog:
    """Draw the products of a world."""
    rng = stream(config.seed, "catalog")
    count = min(config.categories, config.items)
    category_of_shop = np.sort(rng.permutation(len(CATEGORIES))[:count])
    sizes = 1 + rng.multinomial(config.items - count, rng.dirichlet(np.full(count, 6.0)))
    category = np.repeat(np.arange(count), sizes)

    names: list[str] = []
    things = np.empty(config.items, np.int64)
    brand = np.empty(config.items, np.int64)
    first = np.concatenate([[0], np.cumsum(sizes)])
    for c in range(count):
        rows = slice(first[c], first[c + 1])
        brands = rng.permutation(len(BRANDS))[:_BRANDS_PER_CATEGORY]
        chosen, things[rows], brand[rows] = _name(
            rng, int(category_of_shop[c]), brands, int(sizes[c])
        )
        names += chosen

    price, tier = _prices(rng, category, category_of_shop, things, brand)
    usual = [CATEGORIES[category_of_shop[c]] for c in category]
    cadence = np.array([np.nan if u.cadence is None else u.cadence for u in usual])
    return Catalog(
        ids=_ids(rng, config.items),
        names=names,
        category=category,
        kind=category * len(CATEGORIES[0].things) + things,
        brand=brand,
        first_of_category=first,
        category_of_shop=category_of_shop,
        price=price,
        price_tier=tier,
        launch_day=_launches(rng, config, first),
        cadence=cadence * rng.lognormal(0.0, 0.2, config.items),
        return_share=np.array([u.returns for u in usual]),
    )


def _ids(rng: np.random.Generator, items: int) -> list[str]:
    width = len(str(items))
    return [f"sku-{number:0{width}d}" for number in 1 + rng.permutation(items)]


def _name(
    rng: np.random.Generator, which: int, brands: np.ndarray, count: int
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, things and brands of `count` products of one category; no name twice."""
    words = CATEGORIES[which]
    shape = (len(brands), len(words.qualities), len(words.things))
    total = int(np.prod(shape))
    # Every combination once; a larger category starts over with a second edition, and so on.
    editions = -(-count // total)
    combination = np.concatenate([rng.permutation(total) for _ in range(editions)])[:count]
    b, q, t = np.unravel_index(combination, shape)
    names = [
        f"{BRANDS[brands[i]]} {words.qualities[j]} {words.things[k]}"
        + (f" No. {n // total + 1}" if n >= total else "")
        for n, (i, j, k) in enumerate(zip(b, q, t, strict=True))
    ]
    return names, t.astype(np.int64), brands[b].astype(np.int64)


def _prices(
    rng: np.random.Generator,
    category: np.ndarray,
    category_of_shop: np.ndarray,
    things: np.ndarray,
    brand: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Prices as shops write them (x.49, x.99), and where they stand within the category."""
    usual = np.log([CATEGORIES[c].price for c in category_of_shop])[category]
    of_thing = rng.normal(0.0, 0.45, (len(category_of_shop), len(CATEGORIES[0].things)))
    of_brand = rng.normal(0.0, 0.25, len(BRANDS))
    log_price = usual + of_thing[category, things] + of_brand[brand]
    log_price += rng.normal(0.0, 0.15, len(category))
    price = np.maximum(np.round(2.0 * np.exp(log_price)) / 2.0 - 0.01, 0.49).round(2)
    count = np.bincount(category)
    log_price = np.log(price)
    centred = log_price - (np.bincount(category, log_price) / count)[category]
    spread = np.sqrt(np.bincount(category, centred**2) / count)[category]
    return price, centred / np.where(spread > 0.0, spread, 1.0)


def _launches(rng: np.random.Generator, config: RetailConfig, first: np.ndarray) -> np.ndarray:
    """Launch days; the first item of a category is always there, so no category is ever empty."""
    later = rng.random(config.items) < config.new_items
    later[first[:-1]] = False
    day = rng.integers(1, max(2, int(0.9 * config.days)), config.items)
    return np.where(later & (day < config.days), day, 0)
