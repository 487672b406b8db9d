"""The table a ranker learns from: candidates of decisions, with what was known then."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from feature_kinds import EMBEDDINGS, KINDS, RULES, SUBJECTS, random_events, random_points
from penchant import features as ft
from penchant.errors import InvalidArgumentError


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
