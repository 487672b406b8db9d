"""Files for feature stores: joined as of a time they say what the plan says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_kinds import random_events
from penchant import features as ft
from penchant.errors import InvalidArgumentError

PLAN = ft.Plan(
    [
        ft.count("purchase", name="bought"),
        ft.sum("quantity", "purchase", name="pieces"),
        ft.last_items(2, "purchase", name="last"),
        ft.expression("pieces / bought", name="each"),
        ft.count("purchase", by="item", name="sold"),
        ft.count(by=("subject", "item"), name="met"),
        ft.expression("sold + 1", name="sold_more"),
        ft.attribute("category", name="kind"),
    ]
)
TIMED = ft.Plan(
    [ft.count(window="2h", name="lately"), ft.recency("purchase", name="since", unit="1m")]
)
OF = {
    "subject": ["bought", "pieces", "last_1", "last_2", "each"],
    "item": ["sold", "sold_more", "kind"],
    "pair": ["met", "kind"],
}


def same(a: pd.Series, b: pd.Series) -> None:
    if a.dtype.kind == "f":
        np.testing.assert_array_equal(a.to_numpy(float), b.to_numpy(float))
    else:
        assert (
            a.astype(object).where(a.notna(), None).tolist()
            == b.astype(object).where(b.notna(), None).tolist()
        )


def points_of(log: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Moments at, just before and just after events, and others."""
    rng = np.random.default_rng(seed)
    row = log.iloc[rng.integers(len(log), size=400)]
    times = pd.to_datetime(row["time"]) + pd.to_timedelta(
        rng.choice([-1, 0, 1, 3_600_000_000], 400), unit="us"
    )
    out = pd.DataFrame(
        {"subject": row["subject"].to_numpy(), "item": row["item"].to_numpy(),
         "time": times.to_numpy().astype("datetime64[us]")}
    )  # fmt: skip
    out["item"] = np.roll(out["item"], 1)
    return out.sort_values("time", kind="stable").reset_index(drop=True)


def joined(path: Path, points: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The latest row of the entity that is not after the point."""
    rows = pq.read_table(path).to_pandas()
    rows["event_timestamp"] = rows["event_timestamp"].dt.tz_localize(None).astype("datetime64[us]")
    rows = rows.sort_values("event_timestamp", kind="stable")
    return pd.merge_asof(
        points, rows, left_on="time", right_on="event_timestamp", by=keys, direction="backward"
    )


@pytest.fixture(scope="module")
def log() -> Any:
    events, catalog = random_events(np.random.default_rng(3), 600)
    return events.to_pandas() if hasattr(events, "to_pandas") else events, catalog


@pytest.mark.parametrize("by", ["subject", "item", "pair"])
def test_an_as_of_join_gives_the_plan_s_values(log: Any, tmp_path: Path, by: str) -> None:
    events, catalog = log
    path = PLAN.export(events, tmp_path / "rows.parquet", by=by, catalog=catalog)
    table = pq.read_table(path)
    keys = {"subject": ["subject"], "item": ["item"], "pair": ["subject", "item"]}[by]
    assert table.column_names == [*keys, "event_timestamp", "created", *OF[by]]
    assert table.schema.field("event_timestamp").type == pa.timestamp("us", "UTC")
    order = table.select([*keys, "event_timestamp"]).to_pandas()
    assert not order.duplicated().any()
    points = points_of(events.dropna(subset=["subject", "item", "time"]), 1)
    found = joined(path, points, keys)
    known = found["event_timestamp"].notna()
    assert known.sum() > 50
    told = PLAN.replay(events, catalog=catalog).at(points)
    for name in OF[by]:
        same(found.loc[known, name], told.loc[known, name])
    # Whom it has no row of had done nothing until then.
    if by == "subject":
        assert (told.loc[~known, "bought"] == 0).all()


def test_snapshots_tell_what_time_alone_changes(log: Any, tmp_path: Path) -> None:
    events, _ = log
    last = pd.to_datetime(events["time"]).max()
    path = TIMED.export(
        events, tmp_path / "rows.parquet", every="1h", until=last + pd.Timedelta(hours=9),
        created="2030-01-01",
    )  # fmt: skip
    rows = pq.read_table(path).to_pandas()
    assert rows["created"].unique().tolist() == [pd.Timestamp("2030-01-01", tz="UTC")]
    points = rows[["subject", "event_timestamp"]].rename(columns={"event_timestamp": "time"})
    points["time"] = points["time"].dt.tz_localize(None)
    told = TIMED.replay(events).at(points)
    same(rows["lately"], told["lately"])
    same(rows["since"], told["since"])
    full = rows["event_timestamp"].dt.floor("h") == rows["event_timestamp"]
    for _, own in rows[full].groupby("subject"):
        steps = own["event_timestamp"].diff().dropna()
        assert (steps == pd.Timedelta(hours=1)).all()
        assert own["event_timestamp"].max() == (last + pd.Timedelta(hours=9)).floor(
            "h"
        ).tz_localize("UTC")


def test_it_is_whole_or_not_there(log: Any, tmp_path: Path) -> None:
    events, catalog = log
    with pytest.raises(InvalidArgumentError, match="by is one of"):
        PLAN.export(events, tmp_path / "a.parquet", by="basket", catalog=catalog)
    with pytest.raises(InvalidArgumentError, match="no feature of the plan is of items alone"):
        TIMED.export(events, tmp_path / "a.parquet", by="item")
    with pytest.raises(InvalidArgumentError, match="no events"):
        TIMED.export(events.iloc[:0], tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []
    one = PLAN.export(events, tmp_path / "one.parquet", catalog=catalog, threads=1)
    two = PLAN.export(events.sample(frac=1, random_state=1), tmp_path / "two.parquet",
                      catalog=catalog, threads=2)  # fmt: skip
    columns = [name for name in OF["subject"] if not name.startswith("last")]
    read = [pq.read_table(path, columns=columns).to_pandas() for path in (one, two)]
    pd.testing.assert_frame_equal(*read, check_exact=True)
