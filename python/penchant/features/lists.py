"""What a subject has at hand, and how a candidate goes with it.

`latest`, `cart` and `favorites` say which list is meant; `basket`, `rank_in`, `together` and
`similarity` are features of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..errors import InvalidArgumentError
from ._declaration import Declaration, Events, Window, declare, texts, window_text, words

__all__ = ["basket", "cart", "favorites", "latest", "rank_in", "similarity", "together"]

Listed: TypeAlias = str | Mapping[str, Any]

BASKET = ("items", "pieces", "value", "margin", "categories", "has", "same")
HOW = ("count", "share", "lift")
POOL = ("mean", "max", "sum")
MOST_LISTED = 64
MOST_SAMPLE = 1024


def _kept(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _whole(value: Any, what: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InvalidArgumentError(f"{what} is a whole number from 1 to {most}, not {value!r}")
    return value


def latest(
    k: int = 5, events: Events = None, *, where: str | None = None, window: Window = None
) -> dict[str, Any]:
    """List the items of the subject's last events: k distinct ones (at most 64), latest first."""
    return _kept(
        list="latest",
        k=_whole(k, "latest: k", MOST_LISTED),
        events=texts(events),
        where=where,
        window=window_text(window, "latest: window"),
    )


def cart(
    *,
    adds: Events = "add_to_cart",
    removes: Events = "remove_from_cart",
    ends: Events = "purchase",
    quantity: str | None = None,
    price: str | None = None,
    expires: str | dt.timedelta | None = "30d",
    k: int = 20,
) -> dict[str, Any]:
    """List what is in the cart: what was added and not removed since the last purchase.

    Parameters
    ----------
    adds, removes, ends
        Types of events that put pieces of an item in, take some out, and empty the cart.
    quantity
        Field of pieces; 1 each where None or missing, none where below 0.
    price
        Field of the price of one piece; an item's is that of its last add.
    expires
        A cart to which nothing was done for longer is gone; "never" (or None): it stays.
    k
        `together`, `similarity` and `rank_in` look at the items that were added last, so many at
        most (64); `basket` at all. Of a cart of more than 1,024 events the last so many count.
    """
    if not (adds and removes and ends):
        raise InvalidArgumentError("cart: adds, removes and ends name types of events")
    stays = expires is None or expires == "never"
    return _kept(
        list="cart",
        adds=texts(adds),
        removes=texts(removes),
        ends=texts(ends),
        quantity=quantity,
        price=price,
        expires="never" if stays else window_text(expires, "cart: expires"),
        k=_whole(k, "cart: k", MOST_LISTED),
    )


def favorites(
    attribute: str = "category",
    k: int = 3,
    events: Events = None,
    *,
    value: str | None = None,
    where: str | None = None,
    window: Window = None,
) -> dict[str, Any]:
    """List the values of an item's attribute that the subject had most of, as `top` does."""
    return _kept(
        list="favorites",
        attribute=attribute,
        k=_whole(k, "favorites: k", MOST_LISTED),
        events=texts(events),
        value=value,
        where=where,
        window=window_text(window, "favorites: window"),
    )


_LISTS: dict[str, Callable[..., dict[str, Any]]] = {
    "latest": latest,
    "cart": cart,
    "favorites": favorites,
}


def _listed(of: Listed, whose: str) -> dict[str, Any]:
    """A list in the form that its function gives."""
    arguments = {"list": of} if isinstance(of, str) else dict(of)
    make = _LISTS.get(str(arguments.pop("list", None)))
    if make is None:
        raise InvalidArgumentError(
            f"{whose}: of is pn.features.latest(...), cart(...) or favorites(...), not {of!r}"
        )
    try:
        return make(**arguments)
    except TypeError as error:
        raise InvalidArgumentError(f"{whose}: of: {error}") from None


def _list_words(of: dict[str, Any]) -> str:
    if of["list"] == "cart":
        return "cart"
    told = [of.get(one) for one in ("attribute", "events", "window")]
    return "_".join(filter(None, [of["list"], words(of["k"]), *map(words, told)]))


def basket(
    what: str = "items",
    *,
    of: Listed | None = None,
    attribute: str = "category",
    cost: str | None = None,
    name: str | None = None,
) -> Declaration:
    """Tell what is in the cart now (or in another list).

    Parameters
    ----------
    what
        "items": how many different ones; "pieces"; "value": the sum of pieces times price;
        "margin": of pieces times what the price is above `cost`; "categories": how many different
        values of `attribute`; "has": 1 where the candidate is in it, else 0; "same": how many of
        its items share the candidate's `attribute`.
    of
        The list: `cart()` where None, and for "value" and "margin" `cart(price="price")`. Of
        `latest(...)` there are "items", "categories", "has" and "same".
    cost
        Attribute of items: what one piece costs. Items of unknown price or cost add nothing.
    """
    if what not in BASKET:
        raise InvalidArgumentError(f"basket: what is one of {', '.join(BASKET)}, not {what!r}")
    if of is None:
        of = cart(price="price") if what in ("value", "margin") else cart()
    listed = _listed(of, "basket")
    if listed["list"] == "favorites":
        raise InvalidArgumentError("basket: favorites are no items; rank_in tells a place in them")
    if what in ("pieces", "value", "margin") and listed["list"] != "cart":
        raise InvalidArgumentError(f"basket: {what} is of carts alone")
    if what in ("value", "margin") and "price" not in listed:
        raise InvalidArgumentError(f"basket: {what} wants a price; say cart(price='price')")
    if (what == "margin") != (cost is not None):
        raise InvalidArgumentError("basket: margin, and it alone, wants cost=, an item's attribute")
    return declare(
        "basket",
        name,
        [_list_words(listed), what],
        what=what,
        of=listed,
        attribute=attribute if what in ("categories", "same") else None,
        cost=cost,
    )


def rank_in(of: Listed, *, name: str | None = None) -> Declaration:
    """Tell the candidate's place in a list, from 1; of favorites, its attribute's place.

    Unknown where it is not in it.
    """
    listed = _listed(of, "rank_in")
    return declare("rank_in", name, ["rank_in", _list_words(listed)], of=listed)


def together(
    of: Listed,
    events: Events = "purchase",
    *,
    how: str = "share",
    pool: str = "mean",
    within: str | dt.timedelta | None = None,
    sample: int = 64,
    depth: int = 32,
    strength: float = 10.0,
    where: str | None = None,
    name: str | None = None,
) -> Declaration:
    """Tell how a candidate goes together with the items of a list, by what others did.

    For each item of the list, look at its last `sample` events of these types, and of every other
    person behind them at their last `depth` such events: how many of these people had the
    candidate too? All from before the moment asked for, the subject's own events left out.

    Parameters
    ----------
    of
        `latest(...)` or `cart(...)`.
    events, where
        What having an item is.
    how
        "count": people who had both; "share": of those who had the item of the list; "lift": of
        the events looked at (but those of the item itself) the share that is of the candidate, over
        its share of all events; 1 is no relation.
    pool
        Over the items of the list that are not the candidate and that others had: "mean", "max" or
        "sum". Unknown without any.
    within
        Only events so close to that by which a person was found: "1h" is much the same basket.
        None: any.
    sample, depth
        1 to 1,024. The work is the product of k, sample and depth, for all candidates together.
    strength
        Of lift: so many events that know of no relation are added to those that were seen.
    """
    listed = _listed(of, "together")
    if listed["list"] == "favorites":
        raise InvalidArgumentError("together: favorites are no items")
    if how not in HOW or pool not in POOL:
        raise InvalidArgumentError(
            f"together: how is one of {', '.join(HOW)}, pool one of {', '.join(POOL)}; not "
            f"{how!r}, {pool!r}"
        )
    if not 0 <= strength < 1e9:
        raise InvalidArgumentError(f"together: strength is 0 to 1e9, not {strength}")
    return declare(
        "together",
        name,
        ["together", _list_words(listed), how, pool, events],
        of=listed,
        events=events,
        how=how,
        pool=pool,
        within=window_text(within, "together: within"),
        sample=_whole(sample, "together: sample", MOST_SAMPLE),
        depth=_whole(depth, "together: depth", MOST_SAMPLE),
        strength=float(strength) if how == "lift" else None,
        where=where,
    )


def similarity(
    of: Listed, embedding: str, *, pool: str = "mean", name: str | None = None
) -> Declaration:
    """Tell the cosine of a candidate's vector and those of the items of a list.

    Parameters
    ----------
    of
        `latest(...)` or `cart(...)`.
    embedding
        Which vectors: a name among the plan's `embeddings`.
    pool
        "mean", "max" or "sum" over the items of the list that are not the candidate and have a
        vector. Unknown without any, and where the candidate has none.
    """
    listed = _listed(of, "similarity")
    if listed["list"] == "favorites":
        raise InvalidArgumentError("similarity: favorites are no items")
    if pool not in POOL:
        raise InvalidArgumentError(f"similarity: pool is one of {', '.join(POOL)}, not {pool!r}")
    return declare(
        "similarity",
        name,
        ["similarity", _list_words(listed), embedding, pool],
        of=listed,
        embedding=embedding,
        pool=pool,
    )
