"""How frames become columns for plans, and decisions the rows of a ranker: against the slow way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from penchant import features as ft
from penchant.errors import InvalidArgumentError

PLAN = ft.Plan(
    [
        ft.count("buy", name="bought"),
        ft.sum("price", by="item", name="item_sum"),
        ft.last_items(1),
        ft.distinct("order", name="orders"),
    ]
)


def frame(seed: int = 0, rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "subject": rng.integers(-5, 30, rows),
            "item": rng.integers(100, 140, rows),
            "time": np.sort(rng.integers(0, 10**6, rows)),
            "type": rng.choice(["buy", "view", "click"], rows),
            "price": rng.integers(1, 900, rows) / 100,
            "order": rng.integers(0, 90, rows),
        }
    )


def answers(events: Any, points: Any) -> pd.DataFrame:
    return PLAN.replay(events).at(points)[["bought", "item_sum", "last_item_1", "orders"]]


def test_integers_close_together_or_far_apart_are_the_same_ids() -> None:
    near = frame()
    far = near.assign(subject=near["subject"] * 10**12, item=near["item"] * 10**9 - 2**62)
    points = near[["subject", "item"]].assign(time=2 * 10**6)
    other = far[["subject", "item"]].assign(time=2 * 10**6)
    expected = answers(near, points)
    got = answers(far, other)
    got["last_item_1"] = (got["last_item_1"] + 2**62) // 10**9
    pd.testing.assert_frame_equal(got, expected, check_dtype=False)
    gaps = near.astype({"subject": "Int64"})
    gaps.loc[7, "subject"] = pd.NA
    without = near.drop(index=7)
    state = PLAN.replay(gaps)
    assert len(state.quarantine) + len(state) == len(gaps)
    known = points.drop(index=7)
    mine = state.at(known)["bought"]
    assert list(mine) == list(PLAN.replay(without).at(known)["bought"])


@pytest.mark.parametrize("index", [pa.int8(), pa.uint16(), pa.int32()])
def test_types_as_codes_are_as_texts(index: pa.DataType) -> None:
    events = pa.table(frame())
    points = events.select(["subject", "item"]).append_column(
        "time", pa.array(np.full(len(events), 10**7))
    )
    texts = events["type"].combine_chunks().to_pylist()
    texts[3] = None
    coded = pa.array(texts).dictionary_encode().cast(pa.dictionary(index, pa.string()))
    plain = events.set_column(3, "type", pa.array(texts))
    as_codes = events.set_column(3, "type", coded)
    expected = PLAN.replay(plain).at(points).to_pandas()
    pd.testing.assert_frame_equal(PLAN.replay(as_codes).at(points).to_pandas(), expected)


def test_numbers_that_have_no_place_name_their_row() -> None:
    for wrong in (np.inf, -1e13, 9_223_372_036_855.0):
        events = frame()
        events.loc[11, "price"] = wrong
        events.loc[90, "price"] = np.inf
        with pytest.raises(InvalidArgumentError, match="row 11: the number is infinite or beyond"):
            PLAN.replay(events)
    whole = frame()
    whole["price"] = np.arange(len(whole))
    whole.loc[5, "price"] = 2**60
    with pytest.raises(InvalidArgumentError, match="row 5: "):
        PLAN.replay(whole)
    gaps = pa.table(frame()).set_column(4, "price", pa.array([None, 2] * 200, pa.int8()))
    assert PLAN.replay(gaps).at(frame()[:1].assign(time=10**7))["item_sum"][0] % 2 == 0


def slow_rows(chosen: pd.DataFrame, listed: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Decisions by time, then subject as known; what was listed of each, once, with its label."""
    out = []
    moments = chosen[["time", "subject"]].drop_duplicates()
    for time, subject in moments.itertuples(index=False):
        own = chosen[(chosen["time"] == time) & (chosen["subject"] == subject)]
        labels = dict(zip(own["item"], own["label"], strict=True))
        of_it = listed[(listed["time"] == time) & (listed["subject"] == subject)]
        for item in dict.fromkeys(of_it["item"]):
            out.append((time, subject, item, labels.get(item, 0.0)))
    return sorted(out, key=lambda row: (row[0], row[1]))


@pytest.mark.parametrize("seed", range(6))
def test_listed_candidates_equal_the_slow_way(seed: int) -> None:
    state = PLAN.replay(frame())
    rng = np.random.default_rng(seed)

    def rows(count: int) -> pd.DataFrame:
        # Some of them strangers, who have no events; few moments, so that lists meet decisions.
        return pd.DataFrame(
            {
                "subject": rng.choice([-3, 2, 11, 500, 501, 502], count),
                "time": rng.choice([10**5, 3 * 10**5, 8 * 10**5], count),
                "item": rng.integers(100, 112, count),
            }
        )

    chosen = rows(30).assign(label=rng.integers(1, 5, 30).astype(float))
    listed = rows(200)
    got = state.training_frame(chosen, listed, label="label")
    times = got["time"].astype("int64")
    scale = 10**6 if times.max() > 10**9 else 1
    mine = [
        (time // scale, -9, item, label)
        for time, item, label in zip(times, got["item"], got["label"], strict=True)
    ]
    expected = [(time, -9, item, label) for time, _, item, label in slow_rows(chosen, listed)]
    assert sorted(mine) == sorted(expected)
    assert (np.diff(got["group"]) >= 0).all()
    pairs = got[["group", "item"]].drop_duplicates()
    assert len(pairs) == len(got)


def test_a_state_outlives_the_frame_that_it_was_made_of() -> None:
    events = frame()
    points = events[["subject", "item"]].assign(time=10**7)
    state = PLAN.replay(events)
    expected = state.at(points)
    events.loc[:, ["price", "time", "order"]] = 0
    del events
    pd.testing.assert_frame_equal(state.at(points), expected)
