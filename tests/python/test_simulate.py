"""The simulated shop: the same seed, the promised shapes, events that follow their truth."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from penchant import errors, simulate
from penchant.simulate.catalog import make_catalog
from penchant.simulate.choice import choose_items
from penchant.simulate.repeats import due_chance
from penchant.simulate.seasons import Seasons
from penchant.simulate.streams import stream
from penchant.simulate.tastes import make_tastes
from penchant.simulate.visits import Views
from penchant.simulate.words import CATEGORIES


@functools.cache
def shop() -> simulate.World:
    return simulate.retail(seed=1)


@functools.cache
def small_shop(seed: int) -> simulate.World:
    return simulate.retail(events=10_000, seed=seed)


# Shape -------------------------------------------------------------------------------------------


def test_frames_have_the_promised_columns() -> None:
    world = shop()
    events, catalog = world.events, world.catalog
    assert list(events.columns) == [
        "subject", "item", "time", "event", "quantity", "price", "session",
    ]  # fmt: skip
    assert list(catalog.columns) == [
        "item", "name", "category", "type", "brand", "price", "launch_day", "launched",
    ]  # fmt: skip
    assert not events.isna().any().any()
    assert not catalog.isna().any().any()
    assert events["time"].dtype == "datetime64[ns]"
    assert events["time"].is_monotonic_increasing
    assert events["time"].min() >= pd.Timestamp("2025-01-06")
    assert events["time"].max() < pd.Timestamp("2025-01-06") + pd.Timedelta(days=90)
    assert set(events["event"]) == {"page_view", "cart", "purchase", "return"}
    assert (events["quantity"] >= 1).all()
    assert set(events["subject"]) <= set(world.subjects["subject"])
    assert len(world.subjects) == len(world.truth.subject_ids) == 1000
    assert catalog["item"].tolist() == world.truth.item_ids
    assert repr(world).startswith("World(1,000 subjects, 500 items, 90 days, seed 1: ")
    prices = events["item"].map(catalog.set_index("item")["price"])
    assert (events["price"] == prices).all()


def test_products_have_names_that_tell_them_apart() -> None:
    catalog = simulate.retail(items=9_000, subjects=2, days=2).catalog
    assert catalog["name"].is_unique
    assert catalog["item"].is_unique
    words = {category.name: category for category in CATEGORIES}
    for row in catalog.iloc[::97].itertuples():
        assert row.name.startswith(row.brand)
        assert row.type in row.name
        assert row.type in words[row.category].things
    for category in CATEGORIES:
        assert len(set(category.things)) == len(set(category.qualities)) == 10


def test_sessions_are_visits_of_one_person() -> None:
    events = shop().events
    visits = events[events["event"] != "return"].groupby("session")
    assert (visits["subject"].nunique() == 1).all()
    assert (visits["time"].max() - visits["time"].min()).max() < pd.Timedelta(hours=12)
    begin = visits["time"].min()
    assert begin.index.tolist() == list(range(len(begin)))
    assert begin.is_monotonic_increasing


def test_the_funnel_runs_one_way() -> None:
    events = shop().events
    key = ["session", "subject", "item"]
    first = {kind: part.groupby(key)["time"].min() for kind, part in events.groupby("event")}
    for later, earlier in (("cart", "page_view"), ("purchase", "cart")):
        lag = first[later] - first[earlier].reindex(first[later].index)
        assert lag.notna().all()
        assert (lag > pd.Timedelta(0)).all()
    lag = first["return"] - first["purchase"].reindex(first["return"].index)
    assert lag.between(pd.Timedelta(days=1), pd.Timedelta(days=16)).all()
    counts = events["event"].value_counts()
    assert counts["page_view"] > 3 * counts["cart"] > 3 * counts["purchase"] > 0
    assert 0.005 < counts["return"] / counts["purchase"] < 0.1


def test_nothing_is_seen_before_its_launch_and_nobody_before_joining() -> None:
    world = shop()
    launched = world.catalog.set_index("item")["launched"]
    assert (world.catalog["launch_day"] > 0).sum() > 30
    assert (world.events["time"] >= world.events["item"].map(launched)).all()
    joined = world.subjects.set_index("subject")["joined"]
    assert (joined > joined.min()).mean() == pytest.approx(0.2, abs=0.05)
    assert (world.events["time"] >= world.events["subject"].map(joined)).all()


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_every_kind_of_frame(kind: Any) -> None:
    world = simulate.retail(subjects=20, items=30, days=10, format=kind)
    twin = simulate.retail(subjects=20, items=30, days=10)
    for name in ("events", "catalog", "subjects"):
        frame = getattr(world, name)
        as_pandas = frame if kind == "pandas" else frame.to_pandas()
        pd.testing.assert_frame_equal(as_pandas, getattr(twin, name), check_dtype=False)
    assert type(world.events).__module__.split(".")[0] == kind


# Determinism and size ----------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_world() -> None:
    again = simulate.retail(seed=1)
    for name in ("events", "catalog", "subjects"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(shop(), name))
    other = simulate.retail(seed=2)
    assert not other.events["item"].head(100).equals(shop().events["item"].head(100))


def test_streams_do_not_touch_each_other() -> None:
    first = stream(7, "a").random(5)
    assert np.array_equal(stream(7, "a").random(5), first)
    others = [stream(7, "b"), stream(8, "a"), stream(7, "a", 1)]
    assert all(not np.array_equal(other.random(5), first) for other in others)


def test_blocks_of_work_do_not_overlap() -> None:
    # 3,000 x 500 cells make two blocks: the second must not repeat the first one's draws.
    world = simulate.retail(subjects=3_000, items=500, days=20, taste_strength=0.0)
    views = world.events[world.events["event"] == "page_view"]
    rows = views["subject"].str.rpartition("-")[2].astype(int)
    one = views[rows <= 2_000]["item"].head(200).tolist()
    two = views[rows > 2_097]["item"].head(200).tolist()
    assert one != two


@pytest.mark.parametrize("events", [1, 7, 500, 10_000, 60_000])
def test_exactly_as_many_events_as_asked_for(events: int) -> None:
    world = simulate.retail(events=events, seed=3)
    assert len(world.events) == events
    assert world.events["time"].is_monotonic_increasing
    assert world.events["session"].nunique() == world.events["session"].max() + 1


def test_a_given_number_of_subjects_is_kept() -> None:
    world = simulate.retail(subjects=40, items=60, days=30, events=5_000)
    assert len(world.events) == 5_000
    assert (world.config.subjects, world.config.items) == (40, 60)
    last_days = world.events["time"] >= pd.Timestamp("2025-01-06") + pd.Timedelta(days=25)
    assert last_days.mean() > 0.1  # thinned all over, not cut at the end


@pytest.mark.parametrize(
    "tiny", [{"subjects": 1, "items": 1, "days": 1}, {"subjects": 3, "items": 2, "days": 400}]
)
def test_the_smallest_shops(tiny: dict[str, int]) -> None:
    world = simulate.retail(**tiny)
    assert len(world.catalog) == tiny["items"]
    assert set(world.events["item"]) <= set(world.catalog["item"])
    nobody = simulate.retail(**tiny, visits_per_week=0.0)
    assert len(nobody.events) == 0
    assert list(nobody.events.columns) == list(world.events.columns)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"subjects": 0}, "subjects"),
        ({"items": 2.5}, "whole number"),
        ({"days": -1}, "days"),
        ({"seed": -1}, "seed"),
        ({"events": 0}, "events"),
        ({"wander": 1.5}, "wander"),
        ({"taste_strength": math.nan}, "finite"),
        ({"taste_strength": -1.0}, "taste_strength"),
        ({"categories": 13}, "12 at most"),
        ({"views_per_visit": 0.5}, "views_per_visit"),
        ({"start": "yesterday"}, "date"),
        ({"colour": 1}, "no knob 'colour'"),
        ({"format": "dask"}, "pyarrow"),
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=word):
        simulate.retail(**wrong)


# The events follow the truth ---------------------------------------------------------------------


def test_looks_fall_on_items_as_the_truth_says() -> None:
    config = simulate.RetailConfig(subjects=3, items=30, days=40, seed=5)
    catalog = make_catalog(config)
    tastes = make_tastes(config, catalog)
    world = simulate.retail(subjects=3, items=30, days=40, seed=5)
    seasons: Seasons = world.truth.seasons
    day, looks = 30, 60_000
    subject = np.repeat(np.arange(3), looks)
    visit = np.arange(3 * looks) // 4
    views = Views(visit, subject, np.full(3 * looks, day), np.arange(3 * looks), visit)
    items = choose_items(config, catalog, tastes, seasons, views)
    assert (items >= 0).all()
    expected = world.truth.view_chance(day)
    assert np.allclose(expected.sum(axis=1), 1.0)
    for u in range(3):
        share = np.bincount(items[subject == u], minlength=30) / looks
        # Four looks of a visit share a category, so the noise is up to twice a multinomial's.
        noise = 2.0 * np.sqrt(expected[u] * (1.0 - expected[u]) / looks)
        assert (np.abs(share - expected[u]) <= 4.5 * noise + 1e-9).all()
        later = catalog.launch_day > day
        assert share[later].sum() == expected[u][later].sum() == 0.0


def test_utility_is_factors_and_appeal() -> None:
    truth = shop().truth
    plain = truth.subject_factors @ truth.item_factors.T + truth.appeal + truth.tastes.match_bias
    assert np.allclose(truth.affinity(), plain)
    some = truth.subject_ids[10:13]
    assert np.array_equal(truth.affinity(some), truth.affinity()[10:13])
    pairs = truth.tastes.match(np.array([3, 4]), np.array([7, 8]))
    assert np.allclose(pairs, (plain - truth.appeal)[[3, 4], [7, 8]])
    with pytest.raises(errors.NotFoundError, match="nobody"):
        truth.affinity(["nobody"])
    with pytest.raises(errors.InvalidArgumentError, match="90 days"):
        truth.expected_purchases(80, 91)


def test_as_many_purchases_as_expected() -> None:
    world = simulate.retail(subjects=4_000, items=40, days=20, seed=2, satiation=0.0)
    purchases = world.events[world.events["event"] == "purchase"]
    place = {item: i for i, item in enumerate(world.truth.item_ids)}
    lasting = np.isnan(world.truth.catalog.cadence)
    seen = np.bincount(purchases["item"].map(place), minlength=40)
    expected = world.truth.expected_purchases(0, 20).sum(axis=0)
    # Nothing wears off and nothing is due again, so these are sums of independent small chances.
    surprise = (seen - expected)[lasting] / np.sqrt(expected[lasting])
    assert (np.abs(surprise) < 5.0).all()
    assert np.mean(surprise**2) < 2.0
    assert seen[lasting].sum() == pytest.approx(expected[lasting].sum(), rel=0.07)


def test_popularity_has_a_heavy_tail() -> None:
    counts = shop().events["item"].value_counts()
    head = counts.head(50).sum() / counts.sum()
    assert 0.35 < head < 0.8
    flat = simulate.retail(seed=1, popularity_exponent=0.0, taste_strength=0.0)
    counts = flat.events["item"].value_counts()
    assert counts.head(50).sum() / counts.sum() < head - 0.15


def test_days_and_hours_have_their_rhythm() -> None:
    events = simulate.retail(subjects=3_000, items=50, days=84, seed=4).events
    start = events.groupby("session")["time"].min()
    by_weekday = start.dt.day_of_week.value_counts() / 12
    assert by_weekday[[5, 6]].mean() / by_weekday[range(5)].mean() == pytest.approx(1.35, abs=0.1)
    by_hour = start.dt.hour.value_counts()
    assert by_hour[[19, 20]].mean() > 5 * by_hour[[2, 3]].mean()


def test_what_is_used_up_is_bought_again_after_its_cadence() -> None:
    # No ordinary visit repeats much here, so gaps between purchases are those of the chains.
    world = simulate.retail(subjects=4_000, items=2_000, days=200, seed=6, visits_per_week=0.3)
    purchases = world.events[world.events["event"] == "purchase"]
    cadence = pd.Series(world.truth.catalog.cadence, index=world.truth.item_ids)
    pairs = purchases.groupby(["subject", "item"])["time"]
    again = pairs.size() > 1
    item = again.index.get_level_values("item")
    used_up = cadence[item].notna().to_numpy()
    assert again[used_up].mean() > 5 * again[~used_up].mean()
    gaps = purchases.assign(gap=pairs.diff().dt.total_seconds() / 86_400).dropna()
    gaps = gaps[cadence[gaps["item"]].notna().to_numpy()]
    ratio = gaps["gap"].to_numpy() / cadence[gaps["item"]].to_numpy()
    assert np.median(ratio) == pytest.approx(1.0, abs=0.12)
    assert np.quantile(ratio, 0.9) < 1.6


def test_due_chance_is_a_distribution_around_the_cadence() -> None:
    days = np.linspace(0.0, 100.0, 2_001)
    chance = due_chance(days, np.full(len(days), 30.0))
    assert chance[0] == 0.0
    assert chance[-1] == pytest.approx(1.0)
    assert (np.diff(chance) >= 0.0).all()
    mean = np.sum(np.diff(chance) * (days[1:] + days[:-1]) / 2)
    assert mean == pytest.approx(30.0, abs=0.1)
    assert (due_chance(np.array([-5.0]), np.array([30.0])) == 0.0).all()


# There is something to learn ---------------------------------------------------------------------


class Holdout:
    """The last 28 days of a world, and NDCG@20 of a score matrix on them, everything allowed."""

    def __init__(self, world: simulate.World) -> None:
        self.truth = world.truth
        self.first_day = world.config.days - 28
        start = world.config.start_time + np.timedelta64(self.first_day, "D")
        events = world.events
        self.train = events[events["time"] < start]
        test = events[(events["time"] >= start) & (events["event"] == "purchase")]
        test = test[test["subject"].isin(self.train["subject"])]
        self.test = test[test["item"].isin(self.train["item"])]
        self.subjects = sorted(self.test["subject"].unique())
        self.items = {item: i for i, item in enumerate(self.truth.item_ids)}
        self.relevant = self.matrix(self.test, self.subjects) > 0
        recent = self.train[self.train["time"] >= start - np.timedelta64(28, "D")]
        bought = recent[recent["event"] == "purchase"]["item"].map(self.items)
        self.popular = np.bincount(bought, minlength=len(self.items)).astype(float)[None, :]

    def matrix(self, events: pd.DataFrame, subjects: list[str]) -> np.ndarray:
        """Event weights by subject and item."""
        row = {subject: i for i, subject in enumerate(subjects)}
        weight = events["event"].map({"page_view": 1.0, "cart": 2.0, "purchase": 4.0, "return": 0})
        total = np.zeros((len(subjects), len(self.items)))
        places = (events["subject"].map(row).to_numpy(), events["item"].map(self.items).to_numpy())
        np.add.at(total, places, weight.to_numpy(float))
        return total

    def ndcg(self, scores: np.ndarray) -> np.ndarray:
        scores = np.broadcast_to(scores, self.relevant.shape)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :20]
        discount = 1.0 / np.log2(np.arange(2, 22))
        gain = (np.take_along_axis(self.relevant, order, axis=1) * discount).sum(axis=1)
        best = np.cumsum(discount)[np.minimum(self.relevant.sum(axis=1), 20) - 1]
        result: np.ndarray = gain / best
        return result

    def lead(self, scores: np.ndarray) -> tuple[float, float]:
        """Mean lead over 28-day popularity, and the lower end of its 95% interval."""
        difference = self.ndcg(scores) - self.ndcg(self.popular)
        error = difference.std(ddof=1) / math.sqrt(len(difference))
        return float(difference.mean()), float(difference.mean() - 1.96 * error)


def learned_scores(holdout: Holdout) -> np.ndarray:
    """A recommender in five lines: a linear item model (EASE) on what people did."""
    everybody = sorted(holdout.train["subject"].unique())
    done = np.log1p(holdout.matrix(holdout.train, everybody))
    inverse = np.linalg.inv(done.T @ done + 20.0 * np.eye(done.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    row = {subject: i for i, subject in enumerate(everybody)}
    result: np.ndarray = done[[row[subject] for subject in holdout.subjects]] @ weights
    return result


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_oracle_beats_popularity_by_far(seed: int) -> None:
    holdout = Holdout(simulate.retail(seed=seed))
    span = (holdout.first_day, holdout.first_day + 28, holdout.subjects)
    tastes = holdout.truth.expected_purchases(*span)
    knowing = holdout.truth.expected_purchases(*span, history=holdout.train)
    popular = holdout.ndcg(holdout.popular).mean()
    assert holdout.ndcg(tastes).mean() > 1.5 * popular
    assert holdout.lead(tastes)[1] > 0.1
    assert holdout.lead(knowing)[0] > holdout.lead(tastes)[0] + 0.05


def test_without_tastes_there_is_nothing_to_personalize() -> None:
    world = simulate.retail(seed=0, taste_strength=0.0, price_strength=0.0, repeat_loyalty=0.0)
    holdout = Holdout(world)
    span = (holdout.first_day, holdout.first_day + 28, holdout.subjects)
    assert holdout.lead(holdout.truth.expected_purchases(*span))[0] < 0.06


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_ten_thousand_events_are_enough_to_beat_popularity(seed: int) -> None:
    holdout = Holdout(small_shop(seed))
    assert len(holdout.subjects) > 80
    assert holdout.lead(learned_scores(holdout))[1] > 0.0


def test_history_may_be_any_frame_and_later_events_are_not_used() -> None:
    holdout = Holdout(small_shop(0))
    span = (holdout.first_day, holdout.first_day + 28, holdout.subjects)
    known = holdout.truth.expected_purchases(*span, history=holdout.train)
    everything = pa.Table.from_pandas(small_shop(0).events, preserve_index=False)
    assert np.array_equal(holdout.truth.expected_purchases(*span, history=everything), known)
