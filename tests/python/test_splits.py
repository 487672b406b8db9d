"""`pn.splits`: what goes where, and that it depends on the log alone."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from penchant.errors import InvalidArgumentError


@pytest.fixture(scope="module")
def data() -> pn.Dataset:
    rng = np.random.default_rng(0)
    n = 4000
    seconds = rng.integers(0, 100 * 86_400, n)
    frame = pd.DataFrame(
        {
            "subject": rng.integers(0, 120, n),
            "item": [f"i{i}" for i in rng.integers(0, 60, n)],
            "time": pd.Timestamp("2011-09-01") + pd.to_timedelta(seconds, unit="s"),
        }
    )
    frame.loc[0, "time"] = pd.Timestamp("2011-12-09 12:50")
    frame.loc[frame.index % 50 == 7, "subject"] = np.nan
    return pn.Dataset.from_events(
        frame[frame["time"] <= "2011-12-09 12:50"], anonymous="keep", half_life="30d"
    )


def rows(data: pn.Dataset) -> set[tuple]:
    frame = data.to_frame().astype({"subject": object})
    return {tuple(None if pd.isna(v) else v for v in row) for row in frame.itertuples(index=False)}


def test_parts_make_the_whole(data: pn.Dataset) -> None:
    for train, test in (
        pn.splits.temporal(data),
        pn.splits.leave_last_out(data),
        pn.splits.random(data),
        pn.splits.by_user(data),
    ):
        assert train.num_events + test.num_events == data.num_events
        assert rows(train) | rows(test) == rows(data)
        assert not rows(train) & rows(test)
        assert train.split is not None
        assert train.split.startswith("train part of ")
        assert test.split == train.split.replace("train", "test", 1)
        assert set(test.item_ids) <= set(data.item_ids)
        assert train.types == data.types


def test_whole_days_are_calendar_days(data: pn.Dataset) -> None:
    train, test = pn.splits.temporal(data, test="28d")
    cut = dt.datetime(2011, 11, 12, tzinfo=dt.UTC)
    assert train.time_range is not None
    assert test.time_range is not None
    assert train.time_range[1] < cut <= test.time_range[0]
    assert test.to_frame()["time"].dt.date.nunique() == 28
    assert "2011-11-12T00:00:00Z, the last 28d" in (train.split or "")
    for same in (
        pn.splits.temporal(data),
        pn.splits.temporal(data, test="4w"),
        pn.splits.temporal(data, test=dt.timedelta(days=28)),
        pn.splits.temporal(data, test=pd.Timedelta(days=28)),
        pn.splits.temporal(data, cut="2011-11-12"),
        pn.splits.temporal(data, cut="2011-11-12T01:00:00+01:00"),
        pn.splits.temporal(data, cut=dt.date(2011, 11, 12)),
        pn.splits.temporal(data, cut=pd.Timestamp("2011-11-12")),
        pn.splits.temporal(data, cut=np.datetime64("2011-11-12")),
    ):
        assert same == (train, test)


def test_other_durations_count_from_the_last_event(data: pn.Dataset) -> None:
    _, test = pn.splits.temporal(data, test="36h")
    assert test.time_range is not None
    assert test.time_range[0] >= dt.datetime(2011, 12, 8, 0, 50, tzinfo=dt.UTC)
    inside = data.filter(since="2011-12-08T00:50:00Z")
    assert test == inside


def test_temporal_refuses(data: pn.Dataset) -> None:
    with pytest.raises(InvalidArgumentError, match=r"test= .* or cut="):
        pn.splits.temporal(data, test="1d", cut="2011-11-12")
    with pytest.raises(InvalidArgumentError, match=r"no events before the cut.*2011-09-01"):
        pn.splits.temporal(data, test="200d")
    with pytest.raises(InvalidArgumentError, match="no events at or after the cut"):
        pn.splits.temporal(data, cut="2020-01-01")
    with pytest.raises(InvalidArgumentError, match="no events with times"):
        pn.splits.temporal(pn.Dataset.from_interactions([1], [1]))
    for wrong in ("28 days", 28, "0d"):
        with pytest.raises(InvalidArgumentError):
            pn.splits.temporal(data, test=wrong)
    with pytest.raises(InvalidArgumentError, match="not a time"):
        pn.splits.temporal(data, cut=20111112)


def test_leave_last_out_takes_whole_baskets() -> None:
    log = pd.DataFrame(
        {"subject": [1, 1, 1, 2, 2], "item": [1, 2, 3, 1, 2], "time": [5, 9, 9, 4, 4]}
    )
    train, test = pn.splits.leave_last_out(pn.Dataset.from_events(log))
    assert test.to_frame()["item"].tolist() == [2, 3]
    assert sorted(train.to_frame()["subject"]) == [1, 2, 2]  # seen at one moment only: stays
    with pytest.raises(InvalidArgumentError, match="no times"):
        pn.splits.leave_last_out(pn.Dataset.from_interactions([1], [1]))


def test_random_goes_by_pair(data: pn.Dataset) -> None:
    train, test = pn.splits.random(data, test=0.2, seed=3)
    assert (train, test) == pn.splits.random(data, test=0.2, seed=3)
    assert test != pn.splits.random(data, test=0.2, seed=4)[1]
    pairs = test.to_csr("binary").nnz / data.to_csr("binary").nnz
    assert pairs == pytest.approx(0.2, abs=0.03)
    # Leaving people away moves nobody else's items.
    some = data.subject_ids[::2].tolist()
    assert pn.splits.random(data.filter(subjects=some), 0.2, 3)[1] == test.filter(subjects=some)
    assert set(train.subject_ids) == set(data.subject_ids)


def test_by_user_holds_out_people(data: pn.Dataset) -> None:
    train, test = pn.splits.by_user(data, test=0.3, seed=1)
    assert not set(train.subject_ids) & set(test.subject_ids)
    assert len(test.subject_ids) / data.num_subjects == pytest.approx(0.3, abs=0.12)
    assert "anonymous" in repr(train)
    assert "anonymous" not in repr(test)


@pytest.mark.parametrize("split", [pn.splits.random, pn.splits.by_user])
def test_shares_and_seeds(data: pn.Dataset, split) -> None:
    for share in (0, 1, -0.5, float("nan")):
        with pytest.raises(InvalidArgumentError, match="between 0 and 1"):
            split(data, test=share)
    for seed in (-1, 2**64):
        with pytest.raises(InvalidArgumentError, match="seed"):
            split(data, seed=seed)
