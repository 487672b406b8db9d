"""Every kind of feature, and random events and moments to ask it about."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from penchant import features as ft
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
