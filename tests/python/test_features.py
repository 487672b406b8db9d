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

import penchant as pn
from penchant import features as ft
from penchant.errors import InvalidArgumentError
from plain_features import Plain
from plain_segments import PlainRules

CART = ft.cart(quantity="quantity", price="price", expires="never", k=3)
LOOK = {f"i{k}": np.random.default_rng(k).normal(size=5) for k in range(11)}
LOOK["i4"] = np.zeros(5)
EMBEDDINGS = {"look": (list(LOOK), np.array(list(LOOK.values())))}

SUBJECTS = pd.DataFrame(
    {
        "subject": ["ann", "bob", "cyd", "dee", "eve"],
        "country": ["de", "fr", "de", None, "fr"],
        "level": [1, 1, 2, 2, 2],
    }
)

# Segments that keys are by.
RULES = {
    "keen": "count(purchase, 3d) >= 2 or count(page_view) > 8",
    "fond": "'garden' in top_categories(1) and not recency(purchase) > 4d",
}


def holds(events: pd.DataFrame, catalog: pd.DataFrame) -> dict[str, Any]:
    plain = PlainRules(ft.Plan([ft.count(name="any")]), events, catalog)

    def of(rule: str) -> Any:
        found: dict[Any, bool] = {}

        def inside(subject: Any, time: pd.Timestamp) -> bool:
            if (subject, time) not in found:
                found[subject, time] = plain.holds(rule, subject, time)
            return found[subject, time]

        return inside

    return {name: of(rule) for name, rule in RULES.items()}


# What is net of returns in KINDS.
NET = [
    ft.count("purchase", name="kept"),
    ft.count(by=("subject", "category"), window="5d", name="kept_like_it"),
    ft.monetary(name="kept_value"),
    ft.sum("price", "purchase", by=("subject", "item"), name="kept_price"),
    ft.mean("quantity", "purchase", name="kept_pieces"),
    ft.minimum("price", "purchase", name="kept_cheapest"),
    ft.maximum("quantity", "purchase", by=("subject", "item"), name="kept_most"),
    ft.distinct("item", "purchase", window="9d", name="kept_items"),
    ft.frequency(name="kept_orders"),
    ft.recency("purchase", name="since_kept"),
    ft.first_seen("purchase", by=("subject", "category"), name="since_first_kept"),
    ft.cadence(name="kept_gap"),
    ft.average_spend(name="kept_basket"),
    ft.last_items(3, "purchase", name="last_kept"),
    ft.top("category", 2, "purchase", value="quantity * price", name="top_kept"),
    ft.decayed("purchase", half_life="3d", value="quantity", name="kept_faded"),
    ft.affinity("category", "purchase", name="kept_affinity"),
    ft.rate("purchase", "page_view", by="subject", strength=1, prior=0.1, name="kept_rate"),
]

KINDS = [
    ft.count("purchase", name="purchases"),
    ft.count(["page_view", "purchase"], window="3d", name="recent"),
    ft.count("purchase", by="item", window="7d", name="item_week"),
    ft.count("page_view", by="all", window="1d", name="all_day"),
    ft.count("purchase", by="category", name="category_count"),
    ft.count("purchase", by=("subject", "item"), name="had_before"),
    ft.count("purchase", by=("subject", "category"), window="7d", name="had_like_it"),
    ft.sum("quantity * price", "purchase", where="quantity > 0", name="spent"),
    ft.sum("quantity", "purchase", by=("subject", "item"), name="pieces"),
    ft.sum("price", by="item", window="2d", name="item_sum"),
    ft.mean("price", "purchase", name="mean_price"),
    ft.mean("price", "purchase", by="category", window="5d", name="category_price"),
    ft.minimum("price", "purchase", name="cheapest"),
    ft.minimum("price", window="4d", name="cheapest_lately"),
    ft.maximum("price", by="item", name="dearest"),
    ft.maximum("price", by="item", window="4d", name="dearest_lately"),
    ft.maximum("price", by=("subject", "category"), name="dearest_like_it"),
    ft.distinct("item", "purchase", name="items"),
    ft.distinct("item", window="5d", name="items_lately"),
    ft.distinct("subject", by="item", name="buyers"),
    ft.distinct("subject", "purchase", by="category", window="6d", name="category_buyers"),
    ft.recency("purchase", name="recency"),
    ft.recency(unit="1h", window="2d", name="recency_hours"),
    ft.recency("purchase", by=("subject", "item"), name="since_had"),
    ft.recency(by="item", name="item_recency"),
    ft.first_seen("purchase", name="tenure"),
    ft.first_seen(by="item", window="6d", name="item_age"),
    ft.first_seen("purchase", by=("subject", "category"), name="since_first_like_it"),
    ft.frequency(name="orders"),
    ft.frequency(window="8d", name="orders_lately"),
    ft.average_spend(name="basket_value"),
    ft.cadence(name="gap"),
    ft.cadence(window="9d", unit="1h", name="gap_lately"),
    ft.last_items(3, "purchase", name="last"),
    ft.last_items(2, window="2d", name="lately"),
    ft.top("category", 2, "purchase", name="top"),
    ft.top("category", 3, value="quantity * price", window="9d", name="top_spent"),
    ft.decayed("purchase", half_life="3d", name="faded"),
    ft.decayed(half_life="1d", value="price", by="item", name="item_faded"),
    ft.decayed("purchase", half_life="2d", by=("subject", "category"), name="faded_like_it"),
    ft.popularity(half_life="5d", name="popular"),
    ft.popularity("purchase", window="5d", name="popular_lately"),
    ft.affinity("category", "purchase", name="affinity"),
    ft.affinity("category", half_life="4d", name="affinity_faded"),
    ft.affinity("item", value="price", window="9d", name="affinity_item"),
    ft.trend(short="2d", long="8d", name="trend"),
    ft.rate("purchase", "page_view", prior=0.1, strength=5, name="conversion"),
    ft.rate("purchase", "page_view", by="subject", window="6d", name="own_conversion"),
    ft.attribute("category", name="its_category"),
    ft.number("list_price", name="its_price"),
    ft.price_tier("list_price", name="tier"),
    ft.context("hour", timezone_offset="+2h", name="hour"),
    ft.context("weekday", timezone_offset="-5h", name="weekday"),
    ft.context("device", ["phone", "desktop", "watch"]),
    ft.context("page", ["7", "home"], name="on"),
    ft.context("store", ["7", "12"]),
    ft.context("member", ["true"]),
    ft.context("member", name="is_member"),
    ft.context("distance"),
    ft.count("purchase", by="subject.country", window="5d", name="country_week"),
    ft.count(by=("subject.country", "item"), name="item_in_country"),
    ft.count("purchase", by=("subject.country", "category"), window="6d"),
    ft.sum("price", "purchase", by=("subject.level", "item"), window="9d", name="level_item"),
    ft.maximum("price", by=("subject.country", "item"), window="9d", name="country_dearest"),
    ft.distinct("subject", by=("subject.country", "item"), name="country_buyers"),
    ft.recency(by=("subject.level", "category"), name="level_since"),
    ft.decayed(half_life="2d", by=("subject.country", "item"), name="country_warm").late("1d"),
    ft.rate("purchase", "page_view", by=("subject.country", "item"), name="country_rate"),
    ft.count(by="segment.keen", window="4d", name="of_keen"),
    ft.count("purchase", by=("segment.keen", "item"), name="keen_bought"),
    ft.sum("price", "purchase", by=("segment.fond", "category"), window="9d", name="fond_spent"),
    ft.distinct("subject", by=("segment.fond", "item"), window="9d", name="fond_buyers"),
    ft.minimum("price", by=("segment.keen", "item"), window="9d", name="keen_cheapest"),
    ft.recency("purchase", by=("segment.fond", "item"), name="since_fond"),
    ft.rate("purchase", "page_view", by=("segment.keen", "category"), name="keen_rate"),
    ft.decayed("purchase", half_life="2d", by="segment.fond", name="fond_warm").late("1d"),
    ft.basket(name="cart_items"),
    ft.basket("pieces", of=ft.cart(quantity="quantity", expires="2d"), name="cart_pieces"),
    ft.basket("value", of=CART, name="cart_value"),
    ft.basket("margin", of=CART, cost="list_price", name="cart_margin"),
    ft.basket("categories", name="cart_categories"),
    ft.basket("has", of=CART, name="in_cart"),
    ft.basket("same", name="like_it_in_cart"),
    ft.basket("same", of=ft.latest(4, "purchase"), name="like_it_lately"),
    ft.rank_in(ft.latest(3, "page_view", window="3d"), name="seen_at"),
    ft.rank_in("cart", name="cart_at"),
    ft.rank_in(ft.favorites("category", 2, "purchase", value="quantity * price"), name="fond_of"),
    ft.together(ft.latest(3), how="count", pool="sum", name="with_last"),
    ft.together("cart", sample=5, depth=4, name="with_cart"),
    ft.together(ft.latest(3), how="lift", pool="max", strength=2, name="lift_of_last"),
    ft.together(
        ft.latest(2, "page_view"), "page_view", within="1d", how="lift", name="seen_in_a_day"
    ),
    ft.together(ft.latest(3), where="quantity > 0", within="6h", pool="max", name="same_basket"),
    ft.similarity(ft.latest(4), "look", name="like_last"),
    ft.similarity("cart", "look", pool="max", name="like_cart"),
    ft.one_hot("category", ["garden", "nowhere"], name="is"),
    ft.one_hot("category", ["garden"], words=True, name="told"),
    ft.count("purchase", window="4d", name="week_late").late("1d"),
    *(one.net_of(order="order") for one in NET),
    ft.monetary(window="8d", name="kept_lately").net_of(quantity=None),
    ft.frequency(name="orders_kept_late").net_of().late("1d"),
    ft.recency("purchase", by=("subject", "item"), name="since_had_late").late("30h"),
    ft.mean("price", by="item", window="4d", name="mean_bucketed").bucketed("1d"),
    ft.last_items(2, name="last_late").late("1d").bucketed("12h"),
    ft.together(ft.latest(3), how="lift", name="lift_late").late("1d"),
    ft.linear({"purchases": 0.25, "recency": -0.5}, intercept=1.5, name="worth"),
    ft.linear(
        {"orders": 0.5, "recency": -0.125, "gap": -0.25},
        missing={"recency": 30, "gap": 9.5},
        logistic=True,
        name="stays",
    ),
    ft.expression("logistic(worth - 2) * 10", name="likely"),
    ft.expression("spent / (orders + 1)", name="spent_an_order"),
    ft.expression("otherwise(recency, 99) if purchases > 2 else -1", name="mixed"),
    ft.expression("2 < purchases <= 5 and not known(gap)", name="tested"),
]


TYPES = ["page_view", "purchase", "login", "add_to_cart", "remove_from_cart", "return"]


def random_events(rng: np.random.Generator, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events of few people and items within two weeks, many at the same time; and a catalogue."""
    hours = rng.integers(0, 14 * 8, rows) * 3
    events = pd.DataFrame(
        {
            "subject": rng.choice(["ann", "bob", "cyd", "dee", ""], rows),
            "item": rng.choice([f"i{k}" for k in range(12)] + [None], rows),
            "time": pd.Timestamp("2024-05-01") + pd.to_timedelta(hours, unit="h"),
            "type": rng.choice(TYPES, rows, p=[0.25, 0.3, 0.05, 0.15, 0.1, 0.15]),
            "order": rng.choice([f"o{k}" for k in range(12)] + [""] * 4, rows),
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
            "subject": rng.choice(["ann", "bob", "cyd", "dee", "eve", "nobody"], rows),
            "item": rng.choice([f"i{k}" for k in range(12)], rows),
            "time": times,
            "device": rng.choice(["phone", "desktop", "", None], rows),
            "page": rng.choice(["home", "7", "other", None], rows),
            "store": rng.choice([7, 12, 3], rows),
            "member": rng.choice([True, False], rows),
            "distance": rng.choice([0.5, 2.25, math.nan], rows),
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
    plan = ft.Plan(KINDS, RULES, embeddings=EMBEDDINGS)
    state = plan.replay(events, catalog=catalog, subjects=SUBJECTS)
    fast = state.at(points)[plan.columns]
    assert_same(
        fast,
        Plain(plan, events, catalog, {"look": LOOK}, SUBJECTS, holds(events, catalog)).at(points),
    )


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
    plan = ft.Plan(KINDS, RULES, embeddings=EMBEDDINGS)
    once = plan.replay(events, catalog=catalog, subjects=SUBJECTS).at(points)
    shuffled = events.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        plan.replay(shuffled, catalog=catalog, subjects=SUBJECTS).at(points), once
    )


def test_threads_do_not_show() -> None:
    rng = np.random.default_rng(6)
    events, catalog = random_events(rng, 3000)
    points = random_points(rng, events, 5000)
    plan = ft.Plan(KINDS, RULES, embeddings=EMBEDDINGS)
    one = plan.replay(events, catalog=catalog, subjects=SUBJECTS, threads=1).at(points, threads=1)
    for threads in (2, 8):
        state = plan.replay(events, catalog=catalog, subjects=SUBJECTS, threads=threads)
        pd.testing.assert_frame_equal(state.at(points, threads=threads), one)


def test_the_future_does_not_show() -> None:
    rng = np.random.default_rng(7)
    events, catalog = random_events(rng, 400)
    plan = ft.Plan(KINDS, RULES, embeddings=EMBEDDINGS)
    cut = pd.Timestamp("2024-05-08")
    points = random_points(rng, events, 100)
    points["time"] = cut
    before = plan.replay(events, catalog=catalog, subjects=SUBJECTS).at(points)
    future = events["time"] >= cut
    changed = events.copy()
    for name in ("subject", "type", "order", "quantity", "price"):
        changed.loc[future, name] = rng.permutation(events.loc[future, name].to_numpy())
    pd.testing.assert_frame_equal(
        plan.replay(changed, catalog=catalog, subjects=SUBJECTS).at(points), before
    )


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_plans_equal_the_slow_way(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    independent = [one for one in KINDS if one.kind not in ("expression", "linear")]
    chosen = data.draw(
        st.lists(
            st.sampled_from(independent), min_size=1, max_size=8, unique_by=lambda one: one.name
        )
    )
    events, catalog = random_events(rng, data.draw(st.integers(1, 120)))
    points = random_points(rng, events, 12)
    plan = ft.Plan(chosen, RULES, embeddings=EMBEDDINGS)
    fast = plan.replay(events, catalog=catalog, subjects=SUBJECTS).at(points)[plan.columns]
    assert_same(
        fast,
        Plain(plan, events, catalog, {"look": LOOK}, SUBJECTS, holds(events, catalog)).at(points),
    )


def test_frames_of_each_kind() -> None:
    rng = np.random.default_rng(8)
    events, catalog = random_events(rng, 200)
    points = random_points(rng, events, 20)
    plan = ft.Plan(KINDS, RULES, embeddings=EMBEDDINGS)
    expected = plan.replay(events, catalog=catalog, subjects=SUBJECTS).at(points)
    polars = plan.replay(
        pl.from_pandas(events), catalog=pl.from_pandas(catalog), subjects=pl.from_pandas(SUBJECTS)
    )
    answer = polars.at(pl.from_pandas(points))
    assert isinstance(answer, pl.DataFrame)
    assert_same(answer.to_pandas()[plan.columns], expected[plan.columns])
    arrow = plan.replay(
        pa.Table.from_pandas(events),
        catalog=pa.Table.from_pandas(catalog),
        subjects=pa.Table.from_pandas(SUBJECTS),
    )
    assert isinstance(arrow.at(pa.Table.from_pandas(points)), pa.Table)


def test_yaml_goes_out_and_in(tmp_path: Any) -> None:
    plan = ft.Plan(KINDS, RULES, embeddings=EMBEDDINGS)
    plan.to_yaml(tmp_path / "plan.yaml")
    again = ft.Plan.from_yaml(tmp_path / "plan.yaml", embeddings=EMBEDDINGS)
    assert again.features == plan.features
    assert ft.Plan.from_yaml(plan.to_yaml(), embeddings=EMBEDDINGS).columns == plan.columns
    assert pickle.loads(pickle.dumps(plan)).features == plan.features


def test_names_that_begin_with_an_underscore_are_for_expressions_alone() -> None:
    events, catalog = random_events(np.random.default_rng(3), 300)
    points = random_points(np.random.default_rng(4), events, 50)
    week = ft.count("purchase", by="item", window="7d", name="week")
    whole = ft.count("purchase", by="all", window="7d", name="whole")
    shown = ft.Plan([week, ft.last_items(2, name="had"), whole,
                     ft.expression("week / (whole + 1)", name="share")])  # fmt: skip
    plan = ft.Plan(
        [
            ft.count("purchase", by="item", window="7d", name="_week"),
            ft.last_items(2, name="had"),
            ft.count("purchase", by="all", window="7d", name="_whole"),
            ft.expression("_week / (_whole + 1)", name="share"),
        ]
    )
    assert plan.columns == ["had_1", "had_2", "share"]
    found = plan.replay(events, catalog=catalog, subjects=SUBJECTS).at(points)
    wanted = shown.replay(events, catalog=catalog, subjects=SUBJECTS).at(points)
    assert_same(found[plan.columns], wanted[plan.columns])
    assert ft.Plan.from_yaml(plan.to_yaml()).columns == plan.columns
    with pytest.raises(InvalidArgumentError, match="two features are called '_week'"):
        ft.Plan([*plan.features, plan.features[0]])


def test_names_are_made_of_what_was_said() -> None:
    plan = ft.Plan([ft.count("purchase", window="7d"), ft.popularity("purchase", half_life="30d")])
    assert plan.columns == ["count_purchase_7d", "item_popularity_purchase_30d"]


def test_sums_are_exact() -> None:
    events = pd.DataFrame(
        {"subject": ["a"] * 10, "time": pd.date_range("2024-01-01", periods=10), "x": [0.1] * 10}
    )
    plan = ft.Plan([ft.sum("x", name="all"), ft.sum("x", window="3d", name="some")])
    out = plan.replay(events).at(pd.DataFrame({"subject": ["a"], "time": ["2024-01-11"]}))
    assert out["all"][0] == 1.0
    assert out["some"][0] == 0.3


def test_online_retail_as_of_any_time(online_retail: pd.DataFrame) -> None:
    events = online_retail
    plan = ft.Plan(
        [
            ft.recency(name="recency"),
            ft.frequency(None, name="frequency"),
            ft.monetary(None, name="monetary"),
            ft.first_seen(name="tenure"),
            ft.cadence(None, name="gap"),
            ft.count(window="7d", name="week"),
            ft.sum("quantity * price", window="28d", name="month"),
            ft.last_items(5, name="last"),
            ft.top("category", 3, name="top"),
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
    fast = plan.replay(events, catalog=catalog, subjects=SUBJECTS).at(points)
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
        (lambda: [ft.sum("price + 1")], "a value is a field or a product of fields"),
        (lambda: [ft.count(where="price > quantity")], "comparisons of a field with a number"),
        (lambda: [ft.count(by=("item", "category"))], "by is"),
        (lambda: [ft.count(window="soon")], "window"),
        (lambda: [ft.count(window="0d")], "not longer than nothing"),
        (lambda: [ft.count(name="x"), ft.recency(name="x")], "two features are called 'x'"),
        (lambda: [ft.expression("1 + y", name="z")], "nothing is called 'y'"),
        (lambda: [ft.expression("1 +", name="z")], "no expression"),
        (lambda: [ft.expression("f(1)", name="z")], "the functions are"),
        (lambda: [ft.last_items(0)], "k is 1 to 1000"),
        (lambda: [ft.linear({"x": 1.0}, name="z")], "nothing before it is called 'x'"),
        (lambda: [ft.linear({}, name="z")], "1 to 300 features"),
        (lambda: [ft.linear({"x": math.inf}, name="z")], "weights are finite"),
        (lambda: [ft.linear({"x": "1"}, name="z")], "weights are numbers, not '1'"),
        (lambda: [ft.linear({"x": 1}, missing={"y": 1}, name="z")], "missing names 'y'"),
        (lambda: [ft.linear({"x": 1}, name="z").late("1d")], "linear reads no events"),
        (lambda: [ft.popularity(window="7d", half_life="7d")], "not both"),
        (lambda: [ft.trend(short="9d", long="7d")], "short must be shorter"),
        (lambda: [ft.context("basket")], "the name of an attribute of requests"),
        (lambda: [ft.context("hour", ["1"])], "has no values"),
        (lambda: [ft.context("device")], "say which values it tells apart"),
        (lambda: [ft.context("store", ["a", "a"])], "1 to 1,000 different texts"),
        (lambda: [ft.context("store", timezone_offset="1h")], "has no timezone_offset"),
        (lambda: [ft.context("store").late("1d")], "context reads no events"),
        (lambda: [ft.count(by=("subject", "subject.country"))], "by is 'subject', an attribute"),
        (lambda: [ft.count(by=("subject.country", "all"))], "'all' stands alone"),
        (lambda: [ft.last_items(2).net_of(), ft.count(by="subject.c").net_of()], "net_of is of"),
        (lambda: ["count"], "declarations like"),
        (lambda: [ft.rate("a", "b", strength=-1)], "not negative"),
        (lambda: [ft.count(f"t{k}", name=f"f{k}") for k in range(33)], "at most 32 kinds"),
    ],
)
def test_declarations_that_make_no_sense(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        ft.Plan(make())


def test_frames_that_make_no_sense() -> None:
    events = pd.DataFrame({"subject": ["a"], "item": ["x"], "time": ["2024-01-01"], "price": ["p"]})
    with pytest.raises(InvalidArgumentError, match="no column tells types apart"):
        ft.Plan([ft.count("purchase"), ft.count("click")]).replay(events)
    with pytest.raises(InvalidArgumentError, match="it has to be numbers"):
        ft.Plan([ft.sum("price")]).replay(events)
    with pytest.raises(InvalidArgumentError, match="no column 'amount'"):
        ft.Plan([ft.sum("amount")]).replay(events)
    with pytest.raises(InvalidArgumentError, match="the plan has no field 'cost'"):
        ft.Plan([ft.count()]).replay(events, cost="price")
    with pytest.raises(InvalidArgumentError, match="beyond"):
        ft.Plan([ft.sum("price")]).replay(events.assign(price=1e13))
    state = ft.Plan([ft.count()]).replay(events)
    with pytest.raises(InvalidArgumentError, match="points, row 1"):
        state.at(pd.DataFrame({"subject": ["a", "a"], "time": ["2024-01-01", None]}))
    with pytest.raises(InvalidArgumentError, match="no column 'item'"):
        ft.Plan([ft.count(by="item")]).replay(events).at(
            pd.DataFrame({"subject": ["a"], "time": ["2024-01-01"]})
        )


def test_rows_without_a_time_are_set_aside() -> None:
    events = pd.DataFrame({"subject": ["a", "a"], "item": ["x", "x"], "time": ["2024-01-01", "?"]})
    state = ft.Plan([ft.count()]).replay(events)
    assert len(state) == 1
    assert len(state.quarantine) == 1


def training_case() -> tuple[ft.State, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(11)
    events, catalog = random_events(rng, 300)
    state = ft.Plan(KINDS, RULES, embeddings=EMBEDDINGS).replay(
        events, catalog=catalog, subjects=SUBJECTS
    )
    decisions = random_points(rng, events, 40)
    return state, decisions, events


def test_a_training_frame_is_what_was_known_then() -> None:
    state, decisions, _ = training_case()
    frame = state.training_frame(decisions, candidates=6, seed=3)
    assert list(frame.columns) == ["group", "subject", "time", "item", "label", *state.plan.columns]
    assert not frame.duplicated(["group", "item"]).any()
    assert (frame["group"].diff().fillna(0) >= 0).all()
    assert frame["time"].is_monotonic_increasing
    # Of a decision's rows the first says what the request was like.
    said = decisions.drop_duplicates(["subject", "time"]).drop(columns="item")
    points = frame[["subject", "time", "item"]].fillna({"subject": "nobody"})
    points["time"] = points["time"].dt.tz_localize(None).astype(said["time"].dtype)
    points = points.merge(said, on=["subject", "time"], how="left")
    again = state.at(points)[state.plan.columns]
    pd.testing.assert_frame_equal(frame[state.plan.columns], again)
    chosen = decisions.drop_duplicates(["subject", "time", "item"])
    assert frame["label"].sum() == len(chosen)
    assert frame["group"].nunique() == len(chosen.drop_duplicates(["subject", "time"]))
    # Someone without events is nobody in the answer, and still a decision of their own.
    assert frame["subject"].isna().sum() > 0


def test_listed_candidates_and_labels() -> None:
    state, _, _ = training_case()
    decisions = pd.DataFrame(
        {
            "subject": ["ann", "ann"],
            "time": ["2024-05-09"] * 2,
            "item": ["i1", "i9"],
            "y": [2.0, 1.0],
        }
    ).assign(device=["phone", "watch"], page=None, store=7, member=True, distance=1.0)
    listed = pd.DataFrame(
        {
            "subject": ["ann"] * 3 + ["bob"],
            "time": ["2024-05-09"] * 3 + ["2024-05-08"],
            "item": ["i3", "i1", "i2", "i1"],
        }
    )
    frame = state.training_frame(decisions, listed, label="y")
    assert list(frame["item"]) == ["i3", "i1", "i2"]
    assert list(frame["label"]) == [0.0, 2.0, 0.0]
    assert list(frame["device_phone"]) == [1.0, 1.0, 1.0]
    shown = state.training_frame(decisions, label="y")
    assert list(shown["label"]) == [2.0, 1.0]


def test_batches_are_the_frame_in_pieces() -> None:
    state, decisions, _ = training_case()
    whole = state.training_frame(decisions, candidates=6)
    pieces = list(state.training_batches(decisions, candidates=6, rows=20))
    assert len(pieces) > 3
    assert not set(pieces[0]["group"]) & set(pieces[1]["group"])
    pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), whole)
    assert (
        len(list(state.training_batches(decisions, candidates=6, rows=1)))
        == whole["group"].nunique()
    )


def test_training_frames_that_make_no_sense() -> None:
    state, decisions, _ = training_case()
    with pytest.raises(InvalidArgumentError, match="can't be a candidate"):
        state.training_frame(decisions.assign(item="what"))
    with pytest.raises(InvalidArgumentError, match="how many items to draw"):
        state.training_frame(decisions, candidates=0)
    with pytest.raises(InvalidArgumentError, match="the label of row 0"):
        state.training_frame(decisions.assign(y=math.nan), label="y")
    with pytest.raises(InvalidArgumentError, match="no decision has a candidate"):
        state.training_frame(decisions, decisions.assign(time="1999-01-01"))


def test_a_ranker_learns_from_it() -> None:
    state, decisions, _ = training_case()
    frame = state.training_frame(decisions, candidates=6)
    ranker = pn.GBDTRanker(trees=5, leaves=4, min_leaf_samples=5)
    ranker.fit(frame[state.plan.columns], frame["label"], group=frame["group"])
    assert len(ranker.predict(frame[state.plan.columns])) == len(frame)
