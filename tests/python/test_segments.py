"""Segments: the language of rules, members as of any time against the slow way, live, RFM."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pn
from feature_kinds import random_events
from penchant import features as ft
from penchant.errors import InvalidArgumentError
from plain_segments import PlainRules

PLAN = ft.Plan(
    [
        ft.recency("purchase", name="age"),
        ft.count("purchase", window="3d", name="bought"),
        ft.top("category", 2, "purchase", name="liked"),
        ft.last_items(2, "purchase", name="last"),
        ft.expression("bought * 2", name="twice"),
    ]
)

# Every function, type and operator.
RULES = [
    "recency(purchase) > 3d",
    "recency(purchase, page_view) <= 12h",
    "recency(purchase, 2d) > 1",
    "not recency(login) > 3d",
    "recency(purchase) > 2d or frequency() == 0",
    "known(recency(purchase)) and not known(recency(login))",
    "tenure() < 9d and first_seen(purchase) >= 72h",
    "frequency(4d) >= 2",
    "frequency(4d, purchase, page_view) == 3",
    "monetary(5d) > 4.5",
    "monetary() / frequency() > 3",
    "average_spend(6d) > 2.5",
    "cadence() < 2d",
    "recency(purchase) > 2 * cadence()",
    "recency(purchase) - cadence() > 12h",
    "count(7d) > 5 and count(page_view, 7d) / count(7d) < 0.5",
    "count(purchase, 5d, where='price > 3 and quantity > 0') != 1",
    "1 < count(page_view, 3d) <= 4",
    "distinct('item', purchase, 4d) > 2",
    "distinct() > 6 and distinct('order') < 25",
    "sum(quantity, purchase, 3d) > 2",
    "sum(quantity * price) >= 20.25",
    "mean(price, purchase) > 4 or minimum(price, 4d) < 1",
    "maximum(price, purchase, 3d) > 8",
    "decayed(purchase, 2d) > 1.5",
    "'garden' in top_categories(2)",
    "'garden' not in top_categories(1, purchase, 4d)",
    "'toys' in top('category', 3, purchase) and 'Garden' not in top('category', 1)",
    "'i3' in last_items(3)",
    "'nothing' in last_items(2, purchase)",
    "affinity('garden') > 0.4",
    "affinity('toys', purchase, 5d) * 2 >= 1",
    "affinity('i1', by=item) > 0.1",
    "hour() < 12 and weekday() >= 5",
    "age > 2d and bought >= 1 or twice == 4",
    "liked_1 == 'garden' or 'toys' == liked_2",
    "liked_1 in ['toys', 'Garden'] and 'i2' not in last",
    "liked_1 not in ['toys'] and known(last_1)",
    "abs(count(2d) - 4) <= 1 and max(bought, 1) < min(twice, 9)",
    "log1p(monetary()) > 2.5 or sqrt(frequency()) < 1.5",
    "otherwise(recency(login), 99d) > 5d",
    "-recency(purchase) < -1.5d",
    "(true and not false) and 2 < 3 and 'a' in ['a']",
]


def segments_of(rules: list[str], plan: ft.Plan | None = PLAN) -> pn.SegmentSet:
    return pn.SegmentSet({f"s{n}": rule for n, rule in enumerate(rules)}, plan=plan)


def random_moments(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    hours = rng.integers(0, 20 * 8, rows) * 3
    slips = rng.integers(-1, 2, rows)
    return pd.DataFrame(
        {
            "subject": rng.choice(["ann", "bob", "cyd", "dee", "nobody"], rows),
            "time": pd.Timestamp("2024-05-01")
            + pd.to_timedelta(hours, unit="h")
            + pd.to_timedelta(slips, unit="us"),
        }
    )


@pytest.mark.parametrize("seed", range(4))
def test_every_rule_equals_the_slow_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    events, catalog = random_events(rng, 250)
    points = random_moments(rng, 25)
    segments = segments_of(RULES)
    fast = segments.at(segments.replay(events, catalog=catalog), points)
    plain = PlainRules(PLAN, events, catalog)
    for number, rule in enumerate(RULES):
        expected = [plain.holds(rule, s, t) for s, t in points.itertuples(index=False)]
        assert fast[f"s{number}"].tolist() == expected, rule


def test_every_function_is_tried() -> None:
    from penchant.segments._functions import ARITHMETIC, FUNCTIONS

    text = " ".join(RULES)
    assert [name for name in [*FUNCTIONS, *ARITHMETIC] if f"{name}(" not in text] == []


ATOMS = st.sampled_from([rule for rule in RULES if " or " not in rule and " and " not in rule])
TREES = st.recursive(
    ATOMS.map(lambda rule: f"({rule})"),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} and {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} or {two[1]})"),
        inner.map(lambda one: f"not {one}"),
    ),
    max_leaves=5,
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.lists(TREES, min_size=1, max_size=4))
def test_random_rules_equal_the_slow_way(seed: int, rules: list[str]) -> None:
    rng = np.random.default_rng(seed)
    events, catalog = random_events(rng, 60)
    points = random_moments(rng, 6)
    segments = segments_of(rules)
    fast = segments.at(segments.replay(events, catalog=catalog), points)
    plain = PlainRules(PLAN, events, catalog)
    for number, rule in enumerate(rules):
        expected = [plain.holds(rule, s, t) for s, t in points.itertuples(index=False)]
        assert fast[f"s{number}"].tolist() == expected, rule


# --- live ------------------------------------------------------------------------------------


def test_live_members_equal_a_recomputation_at_a_thousand_times() -> None:
    rng = np.random.default_rng(11)
    events, catalog = random_events(rng, 600)
    segments = segments_of(RULES)
    state = segments.replay(events, catalog=catalog)
    times = np.sort(random_moments(rng, 1000)["time"].to_numpy())
    live = segments.live(state, times[0])
    sizes = segments.sizes(state, times)
    for row, time in enumerate(times):
        live.advance(time)
        assert list(live.sizes().values()) == sizes.iloc[row, 1:].tolist(), time
        if row % 100 == 0:
            for name in segments.names:
                assert live.members(name) == segments.members(state, name, time)


class _Bare:
    """A state that goes on, in the place of profiles."""

    def __init__(self, state: Any) -> None:
        self.state = state


def test_events_that_come_in_are_seen_in_any_order() -> None:
    rng = np.random.default_rng(12)
    events, catalog = random_events(rng, 400)
    events["time"] += pd.to_timedelta(np.arange(400), unit="s")  # no two at once
    segments = segments_of(RULES)
    whole = segments.replay(events, catalog=catalog)
    from penchant.data._frames import Table
    from penchant.features._columns import read_events, read_items

    compiled = segments.plan._compiled
    table = Table(events)
    roles: dict[str, str | None] = {
        "subject": "subject",
        "item": "item",
        "time": "time",
        "type": "type",
    }
    read = read_events(table, roles, {}, compiled, "s")
    items = read_items(read, table, catalog, "item", compiled)
    codes = [
        (codes, len(items.texts[name]))
        for name, codes in zip(items.texts, items.codes, strict=True)
    ]
    core = pn._core.FeatureState(compiled.core, len(read.item_ids), codes, items.numbers)
    state = ft.State(segments.plan, _Bare(core), read, items, roles)
    clock = pd.Timestamp("2024-05-01")
    live = segments.live(state, clock)
    for part in np.array_split(rng.permutation(400), 40):
        core.replay(
            read.times[part], read.types[part], read.subjects[part], read.items[part],
            [one[part] for one in read.numbers], [one[part] for one in read.codes],
        )  # fmt: skip
        live.touch(read.subjects[part], read.times[part])
        clock += pd.Timedelta(hours=11)
        live.advance(clock)
        for name in segments.names:
            assert live.members(name) == segments.members(state, name, clock), name
    assert list(live.sizes().values()) == segments.sizes(whole, clock).iloc[0, 1:].tolist()


def test_what_can_not_be_followed_is_exact_at_full_hours() -> None:
    rng = np.random.default_rng(13)
    events, catalog = random_events(rng, 200)
    segments = segments_of(
        [
            "decayed(purchase, 2d) * 2 > 1.2",
            "recency(purchase) - recency(login) > 20h",
            "recency(login) / tenure() > 0.3 and count(5d) > 0",
        ]
    )
    state = segments.replay(events, catalog=catalog)
    times = pd.date_range("2024-05-02", "2024-05-20", freq="h")
    sizes = segments.sizes(state, times)
    live = segments.live(state, times[0])
    for row, time in enumerate(times):
        live.advance(time)
        assert list(live.sizes().values()) == sizes.iloc[row, 1:].tolist(), time


def test_a_member_leaves_when_the_window_closes() -> None:
    log = pd.DataFrame({"subject": ["ann"], "time": ["2024-05-01T12:00:00Z"]})
    segments = pn.SegmentSet({"active": "count(7d) > 0", "lapsed": "recency() > 60d"})
    state = segments.replay(log, item=None)
    changes = segments.changes(state, "2024-05-01", "2024-12-31")
    assert changes["segment"].tolist() == ["active", "active", "lapsed"]
    assert changes["entered"].tolist() == [True, False, True]
    second = pd.Timedelta(microseconds=1)
    bought = pd.Timestamp("2024-05-01T12:00")
    week, long = pd.Timedelta(days=7), pd.Timedelta(days=60)
    # The edge itself is within the window, and 60 days are not more than 60 days.
    assert changes["time"].tolist() == [
        bought + second,
        bought + week + second,
        bought + long + second,
    ]
    live = segments.live(state, "2024-05-02")
    assert live.of("ann") == ["active"]
    assert live.of("nobody") == []
    live.advance("2024-08-01")
    assert (live.of("ann"), live.members("lapsed")) == (["lapsed"], ["ann"])
    assert live.nbytes > 0
    assert live.overlap()["lapsed"].tolist() == [0, 1]
    with pytest.raises(InvalidArgumentError, match="goes on, not back"):
        live.advance("2024-07-01")


# --- the set ---------------------------------------------------------------------------------


def small() -> tuple[pn.SegmentSet, Any]:
    rng = np.random.default_rng(3)
    events, catalog = random_events(rng, 200)
    segments = pn.SegmentSet(
        {
            "buyers": "frequency() > 0",
            "lately": "recency(purchase) < 2d",
            "gardeners": "'garden' in top_categories(1)",
        }
    )
    return segments, segments.replay(events, catalog=catalog)


def test_sizes_members_and_overlap_agree() -> None:
    segments, state = small()
    times = pd.date_range("2024-05-02", periods=8)
    sizes = segments.sizes(state, times)
    for row, time in enumerate(times):
        overlap = segments.overlap(state, time)
        lists = {name: set(segments.members(state, name, time)) for name in segments.names}
        for a in segments.names:
            assert sizes[a][row] == len(lists[a])
            for b in segments.names:
                column = overlap.set_index("segment")[b]
                assert column[a] == len(lists[a] & lists[b])


def test_rules_share_features() -> None:
    segments = pn.SegmentSet(
        {
            "a": "recency(purchase) > 10d and 'x' in top_categories(1)",
            "b": "recency(purchase) > 20d and 'y' in top_categories(3)",
            "c": "age < 5d and bought > 0 and count(purchase, 3d) > 2",
        },
        plan=PLAN,
    )
    made = [one for one in segments.plan.features if one.name.startswith("segments.")]
    # recency(purchase) is the plan's age, count(purchase, 3d) its bought; one list serves both.
    assert [(one.kind, one.options.get("k")) for one in made] == [("top", 3)]
    assert [one.name for one in segments.plan.features[:5]] == [one.name for one in PLAN.features]


def test_sets_and_segments_can_be_copied_and_looked_at() -> None:
    segments, state = small()
    again = pickle.loads(pickle.dumps(segments))
    assert list(again) == list(segments)
    assert again["buyers"] == pn.Segment("buyers", "frequency() > 0")
    assert hash(again["buyers"]) == hash(segments["buyers"])
    assert again.members(state, "buyers", "2024-06-01") == segments.members(
        state, "buyers", "2024-06-01"
    )
    assert repr(segments["buyers"]) == "Segment('buyers', 'frequency() > 0')"
    assert repr(segments) == "SegmentSet(3 segments, 3 columns)"
    assert len(segments) == 3
    assert segments.plan.columns[0] == "segments.frequency_purchase"


def test_frames_of_each_kind_and_ids_of_each_kind() -> None:
    log = pd.DataFrame(
        {
            "subject": [7, 8, 7],
            "item": [1, 2, 2],
            "time": ["2024-01-01", "2024-01-02", "2024-01-03"],
        }
    )
    segments = pn.SegmentSet({"two": "'2' in last_items(1)", "one": "'1' in last_items(1)"})
    state = segments.replay(pl.from_pandas(log))
    points = pl.DataFrame({"subject": [7, 8, 9], "time": ["2024-01-03"] * 3, "more": [1, 2, 3]})
    answer = segments.at(state, points)
    assert isinstance(answer, pl.DataFrame)
    assert answer.columns == ["subject", "time", "more", "two", "one"]
    assert answer["two"].to_list() == [False, True, False]
    assert answer["one"].to_list() == [True, False, False]
    assert segments.members(state, "two", "2024-01-04") == [7, 8]


def test_scores_are_joined_in_by_name() -> None:
    segments = pn.SegmentSet(
        {"save": "churn_risk > 0.5 and worth >= 100", "spare": "not churn_risk > 0.5"},
        scores=["churn_risk", "worth"],
    )
    log = pd.DataFrame({"subject": ["ann", "bob", "cyd"], "time": ["2024-01-01"] * 3})
    state = segments.replay(log, item=None)
    scores = pd.DataFrame(
        {"subject": ["bob", "ann", "zoe"], "churn_risk": [0.9, 0.4, 1.0], "worth": [100, np.nan, 5]}
    )
    assert segments.members(state, "save", "2024-02-01", scores=scores) == ["bob"]
    assert segments.members(state, "spare", "2024-02-01", scores=scores) == ["ann"]
    live = segments.live(state, "2024-02-01", scores=scores)
    live.set_scores(scores.assign(churn_risk=0.6, worth=200))
    changes = live.advance("2024-02-01")
    assert changes[["subject", "segment", "entered"]].values.tolist() == [
        ["ann", "save", True],
        ["ann", "spare", False],
    ]
    with pytest.raises(InvalidArgumentError, match="give scores="):
        segments.sizes(state, "2024-02-01")
    with pytest.raises(InvalidArgumentError, match="no column 'worth'"):
        segments.sizes(state, "2024-02-01", scores=scores.drop(columns="worth"))
    for rule in ("churn_risk * 2 > 1", "worth / frequency() > 10", "-worth < 3 and worth > 0"):
        with pytest.raises(InvalidArgumentError, match=r"the score .*: a score is compared with"):
            pn.SegmentSet({"odd": rule}, scores=["churn_risk", "worth"])


def test_plots_are_drawn() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    segments, state = small()
    lines = segments.plot_sizes(state, pd.date_range("2024-05-02", periods=8))
    assert [line.get_label() for line in lines.get_lines()] == segments.names
    matrix = segments.plot_overlap(state, "2024-05-09")
    assert [text.get_text() for text in matrix.get_xticklabels()] == segments.names


# --- recency, frequency, monetary ----------------------------------------------------------------

MEASURES = ft.Plan(
    [
        ft.recency("purchase", name="recency"),
        ft.frequency(name="frequency"),
        ft.monetary(name="monetary"),
    ]
)


def rfm_world(seed: int, people: int) -> tuple[pd.DataFrame, Any]:
    rng = np.random.default_rng(seed)
    rows = people * 4
    log = pd.DataFrame(
        {
            "subject": rng.integers(0, people, rows),
            "time": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 60, rows), unit="D"),
            "type": rng.choice(["purchase", "login"], rows, p=[0.8, 0.2]),
            "order": rng.integers(0, rows // 2, rows),
            "quantity": 1,
            "price": rng.integers(1, 30, rows),
        }
    )
    return log, MEASURES.replay(log, item=None)


@pytest.mark.parametrize("people", [1, 3, 5, 40, 300])
def test_rfm_scores_are_quintiles_with_ties_together(people: int) -> None:
    _, state = rfm_world(people, people)
    scores = pn.segments.rfm(state, "2024-02-20").scores
    measured = scores[["recency", "frequency", "monetary"]].to_numpy()
    for k, short in enumerate("rfm"):
        values = -measured[:, k] if short == "r" else measured[:, k]
        expected = [1 + 5 * int((values < v).sum()) // len(values) for v in values]
        assert scores[short].tolist() == expected
    assert scores[["r", "f", "m"]].isin([1, 2, 3, 4, 5]).all(axis=None)


@pytest.mark.parametrize("people", [1, 4, 60, 300])
def test_rfm_segments_say_the_same_by_rules(people: int) -> None:
    _, state = rfm_world(people + 1, people)
    made = pn.segments.rfm(state, "2024-02-20")
    segments = made.segments()
    assert len(segments) == 10
    # Everyone who was seen is in one, and in the one named.
    named = dict(zip(made.scores["subject"], made.scores["segment"], strict=True))
    for name in segments.names:
        members = segments.members(state, name, "2024-02-20")
        assert members == sorted(s for s, its in named.items() if its == name)
    # Bounds stay, people move.
    later = segments.sizes(state, ["2024-06-01"]).iloc[0, 1:]
    assert later.sum() == len(made.scores) or later.sum() >= len(made.scores)
    assert later["champions"] == 0


def test_rfm_wants_three_measures() -> None:
    _, state = rfm_world(1, 5)
    with pytest.raises(InvalidArgumentError, match="no feature 'spent'"):
        pn.segments.rfm(state, "2024-02-20", monetary="spent")
    with pytest.raises(InvalidArgumentError, match="three features"):
        pn.segments.rfm(state, "2024-02-20", monetary="frequency")


# --- YAML --------------------------------------------------------------------------------------


def test_a_set_goes_through_yaml(tmp_path: Any) -> None:
    plan = ft.Plan([ft.frequency(name="orders"), ft.recency("purchase", name="since")])
    segments = pn.SegmentSet(
        {"lapsed": "since > 60d and 'gärten' in top_categories(3)", "risky": "risk > 0.5",
         "often": "orders >= 3\n  and count(purchase, 7d) > 0"},
        plan=plan, scores=["risk"],
    )  # fmt: skip
    again = pn.SegmentSet.from_yaml(segments.to_yaml(tmp_path / "segments.yaml"))
    from_file = pn.SegmentSet.from_yaml(tmp_path / "segments.yaml")
    for other in (again, from_file, pn.SegmentSet.from_yaml(str(tmp_path / "segments.yaml"))):
        assert list(other) == list(segments)
        assert other.scores == ["risk"]
        assert other.plan.columns == segments.plan.columns
        assert other.to_yaml() == segments.to_yaml()
    short = pn.SegmentSet.from_yaml("segments:\n  new: frequency() == 0\n")
    assert short.names == ["new"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("segments: [a]\n", "names with their rules"),
        ("segments:\n  a: 'frequency() =='\n", "column"),
        ("segments:\n  a: 5\n", "a rule is a text"),
        ("segments:\n  a: frequency() > 1\n  a: frequency() > 2\n", "line 3: 'a' is there twice"),
        ("segments:\n  a: frequency() > 1\nrules: []\n", "no 'rules'"),
        ("segments: {\n", "no YAML"),
        ("scores: 5\nsegments:\n  a: frequency() > 1\n", "a list of names"),
        ("features:\n- kind: nothing\nsegments:\n  a: frequency() > 1\n", "nothing"),
    ],
)
def test_yaml_that_is_no_set_is_told(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        pn.SegmentSet.from_yaml(text)


# --- as columns of a plan ----------------------------------------------------------------------


def test_memberships_are_columns_of_a_plan(tmp_path: Any) -> None:
    events, catalog = random_events(np.random.default_rng(8), 400)
    declared = [ft.frequency(name="orders"), ft.count("purchase", by="item", name="sold")]
    rules = {"often": "orders >= 3", "lapsed": "recency(purchase) > 2d",
             "green": "'garden' in top_categories(2)"}  # fmt: skip
    plan = ft.Plan(declared, segments=rules)
    assert plan.columns == ["orders", "sold", "often", "lapsed", "green"]
    state = plan.replay(events, catalog=catalog)
    points = pd.DataFrame({"subject": ["ann", "ann", "bob", "nobody"], "item": ["i0", "i1"] * 2,
                           "time": [pd.Timestamp("2024-05-09")] * 4})  # fmt: skip
    found = state.at(points)
    alone = pn.SegmentSet(rules, plan=ft.Plan(declared))
    told = alone.at(alone.replay(events, catalog=catalog), points)
    for name in rules:
        assert found[name].dtype == bool
        assert found[name].tolist() == told[name].tolist()
    assert (
        found["orders"].tolist() == ft.Plan(declared).replay(events).at(points)["orders"].tolist()
    )
    bought = events.dropna(subset=["item"]).tail(20)
    bought = bought[bought["subject"] != ""]
    frame = state.training_frame(bought[["subject", "time", "item"]], candidates=5, seed=1)
    again = state.at(frame[["subject", "item", "time"]])
    for name in plan.columns:
        assert frame[name].tolist() == again[name].tolist()
    other = ft.Plan.from_yaml(plan.to_yaml(tmp_path / "plan.yaml"))
    assert other.columns == pickle.loads(pickle.dumps(plan)).columns == plan.columns
    assert other.to_yaml() == plan.to_yaml()
    with pytest.raises(InvalidArgumentError, match="both called 'orders'"):
        ft.Plan(declared, segments=pn.SegmentSet({"orders": "frequency() > 1"}))
    with pytest.raises(InvalidArgumentError, match="without scores"):
        ft.Plan(declared, segments=pn.SegmentSet({"a": "risk > 1"}, scores=["risk"]))
