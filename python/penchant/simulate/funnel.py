"""From a look to the cart, to the checkout, and back.

With z the match of subject and item (utility without appeal):

    P(cart | first look of a visit)  = sigmoid(-2.6 + 0.6 z)
    P(purchase | cart)               = sigmoid(0.2 + 0.25 z)
    P(return | purchase)             = return share of the category * 2 sigmoid(1.5 - z)
"""

from __future__ import annotations

import numpy as np

from penchant.simulate.catalog import Catalog
from penchant.simulate.config import RetailConfig
from penchant.simulate.log import CART, PURCHASE, RETURN, VIEW, Log
from penchant.simulate.seasons import DAY
from penchant.simulate.streams import stream
from penchant.simulate.tastes import Tastes
from penchant.simulate.visits import Views

__all__ = [
    "cart_chance",
    "checkout_chance",
    "first_purchases",
    "quantities",
    "returns",
    "visit_log",
]

_USUAL_MATCH = 1.5


def _sigmoid(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1.0 / (1.0 + np.exp(-x))
    return result


def cart_chance(match: np.ndarray) -> np.ndarray:
    """Chance that the first look of a visit at an item puts it into the cart, by match."""
    return _sigmoid(-2.6 + 0.6 * match)


def checkout_chance(match: np.ndarray) -> np.ndarray:
    """Chance that something in the cart is bought, by match."""
    return _sigmoid(0.2 + 0.25 * match)


def return_chance(match: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Chance that something bought is sent back, by match and the category's share."""
    return np.minimum(share * 2.0 * _sigmoid(_USUAL_MATCH - match), 1.0)


def quantities(rng: np.random.Generator, catalog: Catalog, items: np.ndarray) -> np.ndarray:
    """Draw the pieces bought of each item [n]: more of what is used up."""
    return 1 + rng.poisson(np.where(np.isnan(catalog.cadence[items]), 0.15, 0.8))


def visit_log(
    config: RetailConfig, catalog: Catalog, tastes: Tastes, views: Views, items: np.ndarray
) -> Log:
    """Page views, carts and purchases of the visits; `items` [views] as `choose_items` drew them.

    Purchases of a visit share one time, that of its checkout.
    """
    rng = stream(config.seed, "funnel")
    seen = np.flatnonzero(items >= 0)
    visit, subject, item, time = (a[seen] for a in (views.visit, views.subject, items, views.time))
    looks = _log(subject, item, time, VIEW, np.ones(len(seen), np.int64), visit)

    _, first = np.unique(visit * config.items + item, return_index=True)
    match = tastes.match(subject[first], item[first])
    carted = first[rng.random(len(first)) < cart_chance(match)]
    pieces = quantities(rng, catalog, item[carted])
    delay = rng.integers(4, 40, len(carted))
    carts = _log(subject[carted], item[carted], time[carted] + delay, CART, pieces, visit[carted])

    match = tastes.match(carts.subject, carts.item)
    bought = carts.take(rng.random(len(carts)) < checkout_chance(match))
    checkout = views.last_time + rng.integers(60, 360, len(views.last_time))
    purchases = _log(
        bought.subject,
        bought.item,
        checkout[bought.session],
        PURCHASE,
        bought.quantity,
        bought.session,
    )
    sated = ~first_purchases(purchases) & np.isnan(catalog.cadence[purchases.item])
    stays = ~sated | (rng.random(len(sated)) >= config.satiation)
    return Log.join([looks, carts, purchases.take(stays)])


def first_purchases(purchases: Log) -> np.ndarray:
    """Say which purchases are the first of their subject and item: bool [events]."""
    order = np.lexsort((purchases.time, purchases.item, purchases.subject))
    subject, item = purchases.subject[order], purchases.item[order]
    first = np.ones(len(order), bool)
    first[1:] = (subject[1:] != subject[:-1]) | (item[1:] != item[:-1])
    result = np.empty(len(order), bool)
    result[order] = first
    return result


def returns(config: RetailConfig, catalog: Catalog, tastes: Tastes, purchases: Log) -> Log:
    """Draw what is sent back, two to fifteen days after it was bought."""
    rng = stream(config.seed, "returns")
    match = tastes.match(purchases.subject, purchases.item)
    chance = return_chance(match, catalog.return_share[purchases.item])
    back = purchases.take(rng.random(len(purchases)) < chance)
    day = back.time // DAY + rng.integers(2, 16, len(back))
    time = day * DAY + rng.integers(9 * 3600, 18 * 3600, len(back))
    all_back = _log(back.subject, back.item, time, RETURN, back.quantity, back.session)
    return all_back.take(time < config.days * DAY)


def _log(
    subject: np.ndarray,
    item: np.ndarray,
    time: np.ndarray,
    event: int,
    quantity: np.ndarray,
    session: np.ndarray,
) -> Log:
    return Log(subject, item, time, np.full(len(subject), event, np.int64), quantity, session)
