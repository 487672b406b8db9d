"""What a request's context tells a model, as the engine reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..data._subjects import given_attributes
from ..data._times import time_micros
from ..errors import InvalidArgumentError

__all__ = ["RequestContext", "listed"]

_LEAST_VALUE, _MOST_VALUE = 1e-30, 1e30  # of an event
_MEMBERS = {"basket", "events", "attributes", "page", "device", "time"}


@dataclass(frozen=True)
class RequestContext:
    """Fresh events of the catalogue's items, and what is said of the person.

    Attributes
    ----------
    items, times, values : ndarray int32, int64, float32 [n]
        Basket, events and the item of the page; times in microseconds.
    hidden : ndarray int32
        Items not to recommend: the basket and the item of the page.
    attributes : dict or None
        As `given_attributes` has them.
    """

    items: np.ndarray
    times: np.ndarray
    values: np.ndarray
    hidden: np.ndarray
    attributes: dict[str, float | list[str]] | None

    @classmethod
    def of(cls, context: Mapping[str, Any] | None, known: Any) -> Self:
        """Read a context against the core's `Context` of the fitted model.

        Raises
        ------
        InvalidArgumentError
            On a member that nobody knows, or one that makes no sense.
        """
        context = context or {}
        unknown = sorted(set(context) - _MEMBERS)
        if unknown:
            raise InvalidArgumentError(f"context has unknown members: {', '.join(unknown)}")
        now = known.as_of
        basket = _found(known, _basket(context.get("basket")))
        page = _found(known, _page(context.get("page")))
        events = [
            (item, when, value)
            for each in _events(context.get("events"))
            for item, when, value in [_event(known, each, now)]
            if item >= 0
        ]
        hidden = np.unique(np.concatenate([basket, page]))
        cart = np.unique(basket)
        fresh = [*events, *((item, now, 1.0) for item in [*cart, *page])]
        return cls(
            np.array([item for item, _, _ in fresh], np.int32),
            np.array([when for _, when, _ in fresh], np.int64),
            np.array([value for _, _, value in fresh], np.float32),
            hidden,
            given_attributes(context.get("attributes")),
        )


def _found(known: Any, ids: list[Any]) -> np.ndarray:
    index = np.asarray(known.items.find_all(ids), dtype=np.int32)
    return index[index >= 0]


def _basket(basket: Any) -> list[Any]:
    if basket is None:
        return []
    if isinstance(basket, (str, bytes)) or np.ndim(basket) == 0:
        raise InvalidArgumentError(f"context['basket'] must be a list of ids, not {basket!r}")
    return listed(basket)


def _page(page: Any) -> list[Any]:
    if page is None:
        return []
    if isinstance(page, Mapping) and set(page) == {"item"}:
        return [page["item"]]
    if not isinstance(page, str):
        raise InvalidArgumentError(
            f"context['page'] must be a text or {{'item': id}}, not {page!r}"
        )
    return [page]


def _events(events: Any) -> list[Any]:
    if events is None:
        return []
    if isinstance(events, (str, bytes, Mapping)) or not hasattr(events, "__iter__"):
        raise InvalidArgumentError(f"context['events'] must be a list of dicts, not {events!r}")
    return list(events)


def _event(known: Any, event: Any, now: int) -> tuple[int, int, float]:
    if (
        not isinstance(event, Mapping)
        or "item" not in event
        or not set(event) <= {"item", "time", "value"}
    ):
        raise InvalidArgumentError(
            "context['events'] must list dicts with 'item' and perhaps 'time' and 'value', "
            f"not {event!r}"
        )
    value = event.get("value", 1.0)
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not _LEAST_VALUE <= value <= _MOST_VALUE:
        raise InvalidArgumentError(
            f"context['events']: a value must be a number from {_LEAST_VALUE} to {_MOST_VALUE}, "
            f"not {value!r}"
        )
    when = event.get("time")
    item = int(known.items.find_all([event["item"]])[0])
    return item, now if when is None else time_micros(when, "context['events']"), float(value)


def listed(ids: Any) -> list[Any]:
    """One id or many, as a list of Python scalars."""
    if isinstance(ids, (str, bytes)) or np.ndim(ids) == 0:
        ids = [ids]
    if hasattr(ids, "to_list"):
        ids = ids.to_list()
    elif hasattr(ids, "to_pylist"):
        ids = ids.to_pylist()
    elif isinstance(ids, np.ndarray):
        ids = ids.tolist()
    return [i.item() if isinstance(i, np.generic) else i for i in ids]
