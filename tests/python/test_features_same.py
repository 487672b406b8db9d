"""One plan, four ways: a table at once, events one by one, in any order, and after a restart."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import penchant as pn
from live_server import serving
from penchant import features as ft

KINDS = [
    ft.count(by=("subject", "item"), name="met"),
    ft.count("purchase", by="item", window="28d", name="sold"),
    ft.count("purchase", window="7d", name="week"),
    ft.sum("quantity * price", "purchase", name="spent"),
    ft.sum("quantity", "purchase", by="item", window="91d", name="pieces"),
    ft.mean("price", "purchase", by="item", name="paid"),
    ft.minimum("price", "purchase", window="180d", name="least"),
    ft.distinct("item", "purchase", window="91d", name="items"),
    ft.distinct("subject", "purchase", by="item", name="buyers"),
    ft.frequency(name="orders"),
    ft.recency("purchase", name="since"),
    ft.recency("purchase", by=("subject", "item"), name="since_it"),
    ft.decayed("purchase", half_life="30d", by="item", name="warm"),
    ft.trend("purchase", short="7d", long="91d", by="item", name="trend"),
    ft.last_items(3, "purchase", name="last"),
    ft.together(ft.latest(5, "purchase"), "purchase", how="share", name="beside"),
    ft.rank_in(ft.latest(5, "purchase"), name="place"),
]
SUBJECTS = 60  # of the shop
TRAINED = 0.8  # of the events; the others come in while serving


@pytest.fixture(scope="module")
def retail() -> pd.DataFrame:
    """The 60 customers of Online Retail with most lines but ten, every fifth line."""
    raw = pn.datasets.load("online_retail", raw=True)
    good = raw[
        raw["CustomerID"].notna() & (raw["Quantity"] > 0) & (raw["UnitPrice"] > 0)
        & ~raw["InvoiceNo"].str.startswith("C")
    ]  # fmt: skip
    often = good["CustomerID"].value_counts().index[10 : 10 + SUBJECTS]
    lines = good[good["CustomerID"].isin(often)].iloc[::5]
    return events_of(
        lines["CustomerID"].astype("int64").astype(str), lines["StockCode"],
        pd.to_datetime(lines["InvoiceDate"]), lines["Quantity"], lines["UnitPrice"],
        lines["InvoiceNo"], "purchase",
    )  # fmt: skip


@pytest.fixture(scope="module")
def year() -> pd.DataFrame:
    """A simulated one."""
    world = pn.simulate.retail(subjects=SUBJECTS, items=80, days=365, seed=4)
    shown = world.events[world.events["event"].isin(["purchase", "page_view"])].iloc[::3]
    orders = shown["session"].astype(str)
    return events_of(
        shown["subject"].astype(str), shown["item"], shown["time"], shown["quantity"].fillna(1),
        shown["price"], orders, shown["event"],
    )  # fmt: skip


def events_of(
    subject: Any, item: Any, time: Any, quantity: Any, price: Any, order: Any, type_: Any
) -> pd.DataFrame:
    """A row an event, no two at one moment, so that their order is that of their times."""
    frame = pd.DataFrame(
        {"subject": subject, "item": item, "time": time, "quantity": quantity.astype(float),
         "price": price.round(2), "order": order, "type": type_}
    ).sort_values("time", kind="stable", ignore_index=True)  # fmt: skip
    frame["time"] = frame["time"].astype("datetime64[us]") + pd.to_timedelta(
        np.arange(len(frame)), unit="us"
    )
    return frame


def as_sent(rows: pd.DataFrame) -> list[dict[str, Any]]:
    out = []
    for at, row in rows.iterrows():
        event = {"type": row["type"], "subject": row["subject"], "event_id": f"e{at}",
                 "time": row["time"].isoformat() + "Z"}  # fmt: skip
        line = {"item": row["item"], "quantity": row["quantity"], "price": row["price"]}
        if row["type"] == "purchase":
            out.append(event | {"fields": {"order_id": row["order"], "lines": [line]}})
        else:
            out.append(event | {"item": row["item"]})
    return out


def known_of(events: pd.DataFrame) -> pd.DataFrame:
    """As the door leaves them: only purchases say how much, and of which order."""
    out = events.copy()
    bought = out["type"] == "purchase"
    out["quantity"] = out["quantity"].where(bought, 1.0)
    out["price"] = out["price"].where(bought)
    out["order"] = out["order"].where(bought)
    return out


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def check(events: pd.DataFrame, data: st.DataObject) -> None:
    events = known_of(events)
    chosen = data.draw(
        st.lists(st.sampled_from(KINDS), min_size=3, max_size=8, unique_by=lambda one: one.name)
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    events = events[events["subject"].isin(rng.choice(events["subject"].unique(), 25))]
    cut = int(len(events) * TRAINED)
    before, after = events.iloc[:cut], events.iloc[cut : cut + 120]
    train = pn.Dataset.from_events(before, type="type", value="quantity")
    plan = ft.Plan(chosen)
    funnel = pn.Pipeline(
        [pn.ItemKNN(neighbors=20), pn.Popular()], features=plan, depth=15,
        ranker=pn.GBDTRanker(trees=40, leaves=12, learning_rate=0.3),
    ).fit(train, events=before)  # fmt: skip
    sent = as_sent(after[after["item"].isin(train.item_ids)])
    now = events["time"].iloc[-1] + pd.Timedelta(days=data.draw(st.integers(1, 40)))
    people = [*events["subject"].unique()[:6].tolist(), "nobody of before"]

    def answers(side: Any) -> list[bytes]:
        context = {"time": now.isoformat() + "Z"}
        ask = {"k": 15, "explain": True, "context": context}
        return [bytes(side.recommend_json({**ask, "subject": one})) for one in people]

    with folder() as made:
        bundle, state = made / "shop.penchant", made / "state"
        funnel.save(bundle)
        for event in sent:
            assert funnel.observe(event) == "accepted"
        expected = answers(funnel)
        other = pn.load(bundle, data=state)
        for at in rng.permutation(len(sent)):
            assert other.observe(sent[at]) == "accepted"
        assert answers(other) == expected  # whatever the order
        del other
        assert answers(pn.load(bundle, data=state)) == expected  # after a restart
        with serving(bundle, state) as client:
            assert answers(client) == expected
    ids = {event["event_id"] for event in sent}
    came = after[[f"e{at}" in ids for at in after.index]]
    check_values(plan, pd.concat([before, came]), expected, now)


def check_values(plan: Any, events: pd.DataFrame, answers: list[bytes], now: Any) -> None:
    """What the ranker was told of each item is what the plan says, replayed at once."""
    state = plan.replay(events)
    for answer in map(json.loads, answers):
        items = [one["item"] for one in answer["items"]]
        points = pd.DataFrame({"subject": str(answer["subject"]), "item": items, "time": now})
        values = state.at(points)
        for at, one in enumerate(answer["items"]):
            for share in (one.get("ranker") or {}).get("features", []):
                name = share["feature"].removeprefix("plan.")
                if name == share["feature"]:
                    continue
                value = values[name][at]
                if isinstance(value, str) or value is None:  # an item: whether it is this one
                    value = float(value == one["item"])
                same = share["value"] is None if pd.isna(value) else False
                assert same or np.float32(share["value"]) == np.float32(value), name


HARD = {"max_examples": 6, "deadline": None}


@settings(**HARD, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_on_online_retail(retail: pd.DataFrame, data: st.DataObject) -> None:
    check(retail, data)


@settings(**HARD, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_on_a_simulated_year(year: pd.DataFrame, data: st.DataObject) -> None:
    check(year, data)
