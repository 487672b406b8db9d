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
from feature_kinds import (
    EMBEDDINGS,
    KINDS,
    LOOK,
    RULES,
    SUBJECTS,
    holds,
    random_events,
    random_points,
)
from penchant import features as ft
from penchant.errors import InvalidArgumentError
from plain_features import Plain


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


def test_memory_is_told_by_key() -> None:
    events, catalog = random_events(np.random.default_rng(8), 2000)
    plan = ft.Plan(
        [
            ft.count("purchase", name="own"),
            ft.count("purchase", by="item", name="of_it"),
            ft.sum("price", by="category", name="of_its_like"),
            ft.count(by="all", name="of_all"),
            ft.count(by=("subject.country", "item"), name="near"),
        ]
    )
    state = plan.replay(events, catalog=catalog, subjects=SUBJECTS)
    memory = state.memory
    assert set(memory) == {"subject", "item", "category", "all", "subject.country, item"}
    assert memory["item"]["keys"] <= len(catalog)
    assert memory["all"]["keys"] == 1
    rows = sum(one["bytes"] for one in memory.values())
    assert 0 < rows <= state.nbytes < rows + 100_000
    assert memory["subject"]["bytes_each"] == pytest.approx(
        memory["subject"]["bytes"] / memory["subject"]["keys"]
    )
    theirs = (events["subject"] != "") & (events["type"] == "purchase")
    assert memory["subject"]["bytes"] > 9 * theirs.sum()  # a time and flags


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
