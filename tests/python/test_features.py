"""Features as of points in time: against the slow way, in any order, at any number of threads."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_features import Plain

import penchant as pn
from penchant import features as F
from penchant.errors import InvalidArgumentError

KINDS = [
    F.count("purchase", name="purchases"),
    F.count(["page_view", "purchase"], window="3d", name="recent"),
    F.count("purchase", by="item", window="7d", name="item_week"),
    F.count("page_view", by="all", window="1d", name="all_day"),
    F.count("purchase", by="category", name="category_count"),
    F.count("purchase", by=("subject", "item"), name="had_before"),
    F.count("purchase", by=("subject", "category"), window="7d", name="had_like_it"),
    F.sum("quantity * price", "purchase", where="quantity > 0", name="spent"),
    F.sum("quantity", "purchase", by=("subject", "item"), name="pieces"),
    F.sum("price", by="item", window="2d", name="item_sum"),
    F.mean("price", "purchase", name="mean_price"),
    F.mean("price", "purchase", by="category", window="5d", name="category_price"),
    F.minimum("price", "purchase", name="cheapest"),
    F.minimum("price", window="4d", name="cheapest_lately"),
    F.maximum("price", by="item", name="dearest"),
    F.maximum("price", by="item", window="4d", name="dearest_lately"),
    F.maximum("price", by=("subject", "category"), name="dearest_like_it"),
    F.distinct("item", "purchase", name="items"),
    F.distinct("item", window="5d", name="items_lately"),
    F.distinct("subject", by="item", name="buyers"),
    F.distinct("subject", "purchase", by="category", window="6d", name="category_buyers"),
    F.recency("purchase", name="recency"),
    F.recency(unit="1h", window="2d", name="recency_hours"),
    F.recency("purchase", by=("subject", "item"), name="since_had"),
    F.recency(by="item", name="item_recency"),
    F.first_seen("purchase", name="tenure"),
    F.first_seen(by="item", window="6d", name="item_age"),
    F.first_seen("purchase", by=("subject", "category"), name="since_first_like_it"),
    F.frequency(name="orders"),
    F.frequency(window="8d", name="orders_lately"),
    F.average_spend(name="basket_value"),
    F.cadence(name="gap"),
    F.cadence(window="9d", unit="1h", name="gap_lately"),
    F.last_items(3, "purchase", name="last"),
    F.last_items(2, window="2d", name="lately"),
    F.top("category", 2, "purchase", name="top"),
    F.top("category", 3, value="quantity * price", window="9d", name="top_spent"),
    F.decayed("purchase", half_life="3d", name="faded"),
    F.decayed(half_life="1d", value="price", by="item", name="item_faded"),
    F.decayed("purchase", half_life="2d", by=("subject", "category"), name="faded_like_it"),
    F.popularity(half_life="5d", name="popular"),
    F.popularity("purchase", window="5d", name="popular_lately"),
    F.affinity("category", "purchase", name="affinity"),
    F.affinity("category", half_life="4d", name="affinity_faded"),
    F.affinity("item", value="price", window="9d", name="affinity_item"),
    F.trend(short="2d", long="8d", name="trend"),
    F.rate("purchase", "page_view", prior=0.1, strength=5, name="conversion"),
    F.rate("purchase", "page_view", by="subject", window="6d", name="own_conversion"),
    F.attribute("category", name="its_category"),
    F.number("list_price", name="its_price"),
    F.price_tier("list_price", name="tier"),
    F.context("hour", timezone_offset="+2h", name="hour"),
    F.context("weekday", timezone_offset="-5h", name="weekday"),
    F.expression("spent / (orders + 1)", name="spent_an_order"),
    F.expression("otherwise(recency, 99) if purchases > 2 else -1", name="mixed"),
    F.expression("2 < purchases <= 5 and not known(gap)", name="tested"),
]


def random_events(rng: np.random.Generator, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events of few people and items within two weeks, many at the same time; and a catalogue."""
    hours = rng.integers(0, 14 * 8, rows) * 3
    events = pd.DataFrame(
        {
            "subject": rng.choice(["ann", "bob", "cyd", "dee", ""], rows),
            "item": rng.choice([f"i{k}" for k in range(12)] + [None], rows),
            "time": pd.Timestamp("2024-05-01") + pd.to_timedelta(hours, unit="h"),
            "type": rng.choice(["page_view", "purchase", "login"], rows, p=[0.4, 0.5, 0.1]),
            "order": rng.choice([f"o{k}" for k in range(30)], rows),
            "quantity": rng.integers(-1, 4, rows),
            "price": np.where(rng.random(rows) < 0.1, np.nan, rng.integers(1, 900, rows) / 100),
        }
    )
    catalog = pd.DataFrame(
        {
            "item": [f"i{k}" for k in range(12)],
            "category": [["garden", "toys", "Garden", None][k % 4] for k in range(12)],
            "list_price": [3.5, 2.0, 9.99] * 4,
        }
    )
    return events, catalog


def random_points(rng: np.random.Generator, events: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Points that lie exactly on times of events, or a whole number of days after them."""
    times = rng.choice(events["time"].to_numpy(), rows) + np.array(
        [np.timedelta64(int(d), "D") for d in rng.integers(0, 10, rows)]
    )
    return pd.DataFrame(
        {
            "subject": rng.choice(["ann", "bob", "cyd", "dee", "nobody"], rows),
            "item": rng.choice([f"i{k}" for k in range(12)], rows),
            "time": times,
        }
    )


def assert_same(fast: pd.DataFrame, plain: pd.DataFrame) -> None:
    assert list(fast.columns) == list(plain.columns)
    for name in plain.columns:
        mine, its = fast[name], plain[name]
        if pd.api.types.is_numeric_dtype(mine):
            np.testing.assert_allclose(
                mine.to_numpy(float), its.to_numpy(float), rtol=1e-5, atol=2e-6, err_msg=name
            )
        else:
            assert [None if pd.isna(x) else x for x in mine] == [
                None if pd.isna(x) else x for x in its
            ], name


@pytest.mark.parametrize("seed", range(6))
def test_every_kind_equals_the_slow_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    events, catalog = random_events(rng, 300)
    points = random_points(rng, events, 60)
    plan = F.Plan(KINDS)
    state = plan.replay(events, catalog=catalog)
    fast = state.at(points)[plan.columns]
    assert_same(fast, Plain(plan, events, catalog).at(points))


def test_every_kind_is_tried() -> None:
    tried = {one.kind for one in KINDS}
    assert tried == {kind.removeprefix("_add_") for kind in _kinds()}


def _kinds() -> list[str]:
    from penchant.features import _compile

    return [name for name in vars(_compile._Compiler) if name.startswith("_add_")]


def test_the_order_of_arrival_does_not_show() -> None:
    rng = np.random.default_rng(5)
    events, catalog = random_events(rng, 400)
    # Distinct times: rows of one time keep the order in which they came.
    events["time"] += pd.to_timedelta(np.arange(400), unit="s")
    points = random_points(rng, events, 100)
    plan = F.Plan(KINDS)
    once = plan.replay(events, catalog=catalog).at(points)
    shuffled = events.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(plan.replay(shuffled, catalog=catalog).at(points), once)


def test_threads_do_not_show() -> None:
    rng = np.random.default_rng(6)
    events, catalog = random_events(rng, 3000)
    points = random_points(rng, events, 5000)
    plan = F.Plan(KINDS)
    one = plan.replay(events, catalog=catalog, threads=1).at(points, threads=1)
    for threads in (2, 8):
        state = plan.replay(events, catalog=catalog, threads=threads)
        pd.testing.assert_frame_equal(state.at(points, threads=threads), one)


def test_the_future_does_not_show() -> None:
    rng = np.random.default_rng(7)
    events, catalog = random_events(rng, 400)
    plan = F.Plan(KINDS)
    cut = pd.Timestamp("2024-05-08")
    points = random_points(rng, events, 100)
    points["time"] = cut
    before = plan.replay(events, catalog=catalog).at(points)
    future = events["time"] >= cut
    changed = events.copy()
    for name in ("subject", "type", "order", "quantity", "price"):
        changed.loc[future, name] = rng.permutation(events.loc[future, name].to_numpy())
    pd.testing.assert_frame_equal(plan.replay(changed, catalog=catalog).at(points), before)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_plans_equal_the_slow_way(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    independent = [one for one in KINDS if one.kind != "expression"]
    chosen = data.draw(st.lists(st.sampled_from(independent), min_size=1, max_size=8, unique_by=lambda one: one.name))
    events, catalog = random_events(rng, data.draw(st.integers(1, 120)))
    points = random_points(rng, events, 12)
    plan = F.Plan(chosen)
    fast = plan.replay(events, catalog=catalog).at(points)[plan.columns]
    assert_same(fast, Plain(plan, events, catalog).at(points))


def test_frames_of_each_kind() -> None:
    rng = np.random.default_rng(8)
    events, catalog = random_events(rng, 200)
    points = random_points(rng, events, 20)
    plan = F.Plan(KINDS)
    expected = plan.replay(events, catalog=catalog).at(points)
    polars = plan.replay(pl.from_pandas(events), catalog=pl.from_pandas(catalog))
    answer = polars.at(pl.from_pandas(points))
    assert isinstance(answer, pl.DataFrame)
    assert_same(answer.to_pandas()[plan.columns], expected[plan.columns])
    arrow = plan.replay(pa.Table.from_pandas(events), catalog=pa.Table.from_pandas(catalog))
    assert isinstance(arrow.at(pa.Table.from_pandas(points)), pa.Table)


def test_yaml_goes_out_and_in(tmp_path: Any) -> None:
    plan = F.Plan(KINDS)
    plan.to_yaml(tmp_path / "plan.yaml")
    again = F.Plan.from_yaml(tmp_path / "plan.yaml")
    assert again.features == plan.features
    assert F.Plan.from_yaml(plan.to_yaml()).columns == plan.columns
    assert pickle.loads(pickle.dumps(plan)).features == plan.features


def test_names_are_made_of_what_was_said() -> None:
    plan = F.Plan([F.count("purchase", window="7d"), F.popularity("purchase", half_life="30d")])
    assert plan.columns == ["count_purchase_7d", "item_popularity_purchase_30d"]


def test_sums_are_exact() -> None:
    events = pd.DataFrame(
        {"subject": ["a"] * 10, "time": pd.date_range("2024-01-01", periods=10), "x": [0.1] * 10}
    )
    plan = F.Plan([F.sum("x", name="all"), F.sum("x", window="3d", name="some")])
    out = plan.replay(events).at(pd.DataFrame({"subject": ["a"], "time": ["2024-01-11"]}))
    assert out["all"][0] == 1.0
    assert out["some"][0] == 0.3


def test_online_retail_as_of_any_time(online_retail: pd.DataFrame) -> None:
    events = online_retail
    plan = F.Plan(
        [
            F.recency(name="recency"),
            F.frequency(None, name="frequency"),
            F.monetary(None, name="monetary"),
            F.first_seen(name="tenure"),
            F.cadence(None, name="gap"),
            F.count(window="7d", name="week"),
            F.sum("quantity * price", window="28d", name="month"),
            F.last_items(5, name="last"),
            F.top("category", 3, name="top"),
        ]
    )
    rng = np.random.default_rng(0)
    points = pd.DataFrame(
        {
            "subject": rng.choice(events["subject"], 2000),
            "time": rng.choice(events["time"], 2000)
            + rng.choice(np.array([0, 7, 28], "timedelta64[D]"), 2000),
        }
    )
    catalog = pd.DataFrame({"item": events["item"].unique()})
    catalog["category"] = catalog["item"].str[:3]
    fast = plan.replay(events, catalog=catalog).at(points)
    plain = _online_retail_plain(events, points)
    for name, column in plain.items():
        if name.startswith(("last", "top")):
            assert list(fast[name].fillna("")) == list(column), name
        else:
            np.testing.assert_array_equal(fast[name], column, err_msg=name)


def _online_retail_plain(events: pd.DataFrame, points: pd.DataFrame) -> dict[str, list[Any]]:
    events = events.assign(
        thousandths=(events["price"] * 1000).round().astype("int64") * events["quantity"]
    )
    of = dict(list(events.groupby("subject")))
    out: dict[str, list[Any]] = {}
    day = np.timedelta64(1, "D")
    for subject, time in points.itertuples(index=False):
        rows = of[subject]
        rows = rows[rows["time"] < time]
        orders = rows["order"].nunique()
        first, last = rows["time"].min(), rows["time"].max()
        month = rows[rows["time"] >= time - 28 * day]
        values = {
            "recency": (time - last) / day,
            "frequency": orders,
            "monetary": rows["thousandths"].sum() / 1000,
            "tenure": (time - first) / day,
            "gap": (last - first) / day / (orders - 1) if orders > 1 else math.nan,
            "week": int((rows["time"] >= time - 7 * day).sum()),
            "month": month["thousandths"].sum() / 1000,
        }
        latest = list(dict.fromkeys(rows["item"].iloc[::-1]))
        counts = rows["item"].str[:3].value_counts()
        top = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].encode()))
        values |= {f"last_{k + 1}": latest[k] if k < len(latest) else "" for k in range(5)}
        values |= {f"top_{k + 1}": top[k][0] if k < len(top) else "" for k in range(3)}
        for name, value in values.items():
            out.setdefault(name, []).append(value)
    return out


@pytest.fixture(scope="module")
def online_retail() -> pd.DataFrame:
    frame = pn.datasets.load("online_retail", raw=True)
    good = (
        frame["CustomerID"].notna()
        & (frame["Quantity"] > 0)
        & (frame["UnitPrice"] > 0)
        & ~frame["InvoiceNo"].str.startswith("C")
    )
    frame = frame[good].reset_index(drop=True)
    assert (len(frame), frame["InvoiceNo"].nunique()) == (397_884, 18_532)
    return pd.DataFrame(
        {
            "subject": frame["CustomerID"].astype("int64"),
            "item": frame["StockCode"],
            "time": pd.to_datetime(frame["InvoiceDate"]),
            "order": frame["InvoiceNo"],
            "quantity": frame["Quantity"],
            "price": frame["UnitPrice"],
        }
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: [F.sum("price + 1")], "a value is a field or a product of fields"),
        (lambda: [F.count(where="price > quantity")], "comparisons of a field with a number"),
        (lambda: [F.count(by=("item", "category"))], "by is"),
        (lambda: [F.count(window="soon")], "window"),
        (lambda: [F.count(window="0d")], "not longer than nothing"),
        (lambda: [F.count(name="x"), F.recency(name="x")], "two features are called 'x'"),
        (lambda: [F.expression("1 + y", name="z")], "nothing is called 'y'"),
        (lambda: [F.expression("1 +", name="z")], "no expression"),
        (lambda: [F.expression("f(1)", name="z")], "the functions are"),
        (lambda: [F.last_items(0)], "k is 1 to 1000"),
        (lambda: [F.popularity(window="7d", half_life="7d")], "not both"),
        (lambda: [F.trend(short="9d", long="7d")], "short must be shorter"),
        (lambda: [F.context("moon")], "'hour' or 'weekday'"),
        (lambda: ["count"], "declarations like"),
        (lambda: [F.rate("a", "b", strength=-1)], "not negative"),
        (lambda: [F.count(f"t{k}", name=f"f{k}") for k in range(33)], "at most 32 kinds"),
    ],
)
def test_declarations_that_make_no_sense(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        F.Plan(make())


def test_frames_that_make_no_sense() -> None:
    events = pd.DataFrame({"subject": ["a"], "item": ["x"], "time": ["2024-01-01"], "price": ["p"]})
    with pytest.raises(InvalidArgumentError, match="no column tells types apart"):
        F.Plan([F.count("purchase"), F.count("click")]).replay(events)
    with pytest.raises(InvalidArgumentError, match="it has to be numbers"):
        F.Plan([F.sum("price")]).replay(events)
    with pytest.raises(InvalidArgumentError, match="no column 'amount'"):
        F.Plan([F.sum("amount")]).replay(events)
    with pytest.raises(InvalidArgumentError, match="the plan has no field 'cost'"):
        F.Plan([F.count()]).replay(events, cost="price")
    with pytest.raises(InvalidArgumentError, match="beyond"):
        F.Plan([F.sum("price")]).replay(events.assign(price=1e13))
    state = F.Plan([F.count()]).replay(events)
    with pytest.raises(InvalidArgumentError, match="points, row 1"):
        state.at(pd.DataFrame({"subject": ["a", "a"], "time": ["2024-01-01", None]}))
    with pytest.raises(InvalidArgumentError, match="no column 'item'"):
        F.Plan([F.count(by="item")]).replay(events).at(
            pd.DataFrame({"subject": ["a"], "time": ["2024-01-01"]})
        )


def test_rows_without_a_time_are_set_aside() -> None:
    events = pd.DataFrame({"subject": ["a", "a"], "item": ["x", "x"], "time": ["2024-01-01", "?"]})
    state = F.Plan([F.count()]).replay(events)
    assert len(state) == 1
    assert len(state.quarantine) == 1
