"""A shop, its customers and its log, made from a seed."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from penchant.datasets._frames import FORMATS, from_arrow
from penchant.errors import InvalidArgumentError
from penchant.simulate.catalog import make_catalog
from penchant.simulate.choice import choose_items
from penchant.simulate.config import RetailConfig
from penchant.simulate.funnel import returns, visit_log
from penchant.simulate.log import EVENTS, PURCHASE, Log
from penchant.simulate.people import TIERS, make_people, region_names
from penchant.simulate.repeats import repeat_log
from penchant.simulate.seasons import DAY, make_seasons
from penchant.simulate.streams import stream
from penchant.simulate.tastes import make_tastes
from penchant.simulate.truth import Truth
from penchant.simulate.visits import make_habits, plan_views
from penchant.simulate.words import BRANDS

__all__ = ["World", "retail"]

# Measured on the default knobs; only to choose sizes from a number of events.
_EVENTS_PER_SUBJECT_DAY = 0.55
_SPARE = 1.1
_ATTEMPTS = 10


@dataclass(frozen=True, repr=False)
class World:
    """A simulated shop.

    Attributes
    ----------
    events : frame
        ``subject`` (str), ``item`` (str), ``time`` (datetime64[ns], UTC), ``event``
        (``"page_view"``, ``"cart"``, ``"purchase"``, ``"return"``), ``quantity`` (int64, above
        zero), ``price`` (float64, of one piece), ``session`` (int64); in the order of time.
    catalog : frame
        ``item``, ``name``, ``category``, ``type``, ``brand``, ``price``, ``launch_day`` (int64, 0
        for what was always there), ``launched`` (datetime64[ns]).
    subjects : frame
        ``subject``, ``joined`` (datetime64[ns]), ``region``, ``age``, ``tier`` (`people` says how
        they come about), also those who never came.
    truth : Truth
        What produced all this.
    config : RetailConfig
        The knobs; the same knobs give the same world.
    """

    events: Any
    catalog: Any
    subjects: Any
    truth: Truth
    config: RetailConfig

    def __repr__(self) -> str:
        c = self.config
        return (
            f"World({c.subjects:,} subjects, {c.items:,} items, {c.days} days, seed {c.seed}: "
            f"{len(self.events):,} events)"
        )


def retail(
    subjects: int | None = None,
    items: int | None = None,
    days: int = 90,
    seed: int = 0,
    *,
    events: int | None = None,
    format: Literal["pandas", "polars", "pyarrow"] = "pandas",  # noqa: A002
    **knobs: Any,
) -> World:
    """Simulate a shop.

    Parameters
    ----------
    subjects, items : int, optional
        Customers and products: 1,000 and 500, or what suits the number of `events` asked for.
    days : int, default 90
        Length of the log.
    seed : int, default 0
        The same arguments give the same world.
    events : int, optional
        Make a log of exactly this many events: customers come more or less often for it, and
        surplus visits are left out at random.
    format : {"pandas", "polars", "pyarrow"}
        Kind of the frames.
    **knobs
        Further fields of `RetailConfig`.

    Returns
    -------
    World

    Raises
    ------
    InvalidArgumentError
        A knob that doesn't exist or is out of its range.

    Examples
    --------
    >>> world = retail(subjects=50, items=40, days=30, seed=0)
    >>> world.config.items
    40
    """
    if format not in FORMATS:
        raise InvalidArgumentError(f"format is {format!r}; it is one of {', '.join(FORMATS)}")
    if events is not None and (isinstance(events, bool) or not events >= 1):
        raise InvalidArgumentError(f"events is {events!r}; it is 1 or more")
    if subjects is None:
        subjects = 1000
        if events is not None:
            subjects = max(10, math.ceil(events / (_EVENTS_PER_SUBJECT_DAY * max(1, days))))
    if items is None:
        items = 500 if events is None else min(max(50, round(2.5 * math.sqrt(events))), 5000)
    known = {field.name for field in dataclasses.fields(RetailConfig)}
    for name in knobs:
        if name not in known:
            raise InvalidArgumentError(
                f"no knob {name!r}; there are {', '.join(sorted(known))}, events and format"
            )
    config = RetailConfig(subjects=subjects, items=items, days=days, seed=seed, **knobs)
    truth, log = _make(config) if events is None else _make_exactly(config, int(events))
    return World(
        events=from_arrow(_events(truth, log), format),
        catalog=from_arrow(_catalog(truth), format),
        subjects=from_arrow(_subjects(truth), format),
        truth=truth,
        config=truth.config,
    )


def _make(config: RetailConfig) -> tuple[Truth, Log]:
    """Draw a world: its truth and its log, in the order of time."""
    catalog = make_catalog(config)
    tastes = make_tastes(config, catalog)
    seasons = make_seasons(config, catalog)
    habits = make_habits(config)
    width = len(str(config.subjects))
    subject_ids = [f"customer-{number:0{width}d}" for number in range(1, config.subjects + 1)]
    people = make_people(config, tastes, habits)
    truth = Truth(config, subject_ids, catalog.ids, catalog, tastes, seasons, habits, people)

    views = plan_views(config, habits, seasons)
    chosen = choose_items(config, catalog, tastes, seasons, views)
    visited = visit_log(config, catalog, tastes, views, chosen)
    bought = visited.only(PURCHASE)
    again = repeat_log(config, catalog, seasons, bought, len(views.last_time))
    purchases = Log.join([bought, again.only(PURCHASE)])
    log = Log.join([visited, again, returns(config, catalog, tastes, purchases)])
    # A visit before midnight of the last day may run over the end.
    return truth, log.take(log.time < config.days * DAY).in_order()


def _make_exactly(config: RetailConfig, events: int) -> tuple[Truth, Log]:
    """Draw a world with a little more than `events` events, and leave out whole visits."""
    usual = _EVENTS_PER_SUBJECT_DAY * config.subjects * config.days
    rate = config.visits_per_week * _SPARE * events / usual
    for _ in range(_ATTEMPTS):
        truth, log = _make(dataclasses.replace(config, visits_per_week=rate))
        if len(log) >= events:
            return truth, _thin(truth.config, log, events)
        rate *= min(4.0, _SPARE * events / max(1, len(log)))
    raise InvalidArgumentError(
        f"{config.subjects} subjects in {config.days} days made {len(log):,} events, not "
        f"{events:,}: ask for more subjects or days"
    )


def _thin(config: RetailConfig, log: Log, events: int) -> Log:
    """Keep visits in a random order until there are enough events, then cut the last few."""
    sizes = np.bincount(log.session)
    order = stream(config.seed, "thinning").permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), events))
    keep = np.zeros(len(sizes), bool)
    keep[order[: enough + 1]] = True
    return log.take(np.flatnonzero(keep[log.session])[:events]).in_order()


def _strings(words: list[str] | tuple[str, ...], codes: np.ndarray) -> pa.Array:
    coded = pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32()), pa.array(words, pa.string())
    )
    return coded.dictionary_decode()


def _times(config: RetailConfig, seconds: np.ndarray) -> pa.Array:
    return pa.array((config.start_time + seconds).astype("datetime64[ns]"))


def _events(truth: Truth, log: Log) -> pa.Table:
    return pa.table(
        {
            "subject": _strings(truth.subject_ids, log.subject),
            "item": _strings(truth.item_ids, log.item),
            "time": _times(truth.config, log.time),
            "event": _strings(EVENTS, log.event),
            "quantity": log.quantity,
            "price": truth.catalog.price[log.item],
            "session": log.session,
        }
    )


def _catalog(truth: Truth) -> pa.Table:
    catalog = truth.catalog
    return pa.table(
        {
            "item": pa.array(catalog.ids, pa.string()),
            "name": pa.array(catalog.names, pa.string()),
            "category": pa.array(catalog.category_names(), pa.string()),
            "type": pa.array(catalog.kind_names(), pa.string()),
            "brand": _strings(BRANDS, catalog.brand),
            "price": catalog.price,
            "launch_day": catalog.launch_day,
            "launched": _times(truth.config, catalog.launch_day * DAY),
        }
    )


def _subjects(truth: Truth) -> pa.Table:
    return pa.table(
        {
            "subject": pa.array(truth.subject_ids, pa.string()),
            "joined": _times(truth.config, truth.habits.joined * DAY),
            "region": _strings(region_names(truth.config), truth.people.region),
            "age": truth.people.age,
            "tier": _strings(TIERS, truth.people.tier),
        }
    )
