"""Every odd value has one defined fate: the table of docs/data.md, row by row."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import penchant as pn
from penchant.errors import InvalidArgumentError


def read(column: str, values: Any, **options: Any) -> pn.Dataset:
    """A log whose rows differ in one column."""
    n = len(values)
    columns = {"subject": ["s"] * n, "item": ["i"] * n, "time": [1] * n, "value": [1.0] * n}
    frame = pd.DataFrame(columns)
    objects_given = isinstance(values, np.ndarray) and values.dtype == object
    frame[column] = pd.Series(values, dtype=object) if objects_given else values
    return pn.Dataset.from_events(frame, value="value", **options)


def reasons(data: pn.Dataset) -> list[str]:
    return list(data.quarantine["reason"])


def objects(*values: Any) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


# --- ids ------------------------------------------------------------------------------------------


def test_mixed_ids_become_text() -> None:
    odd = (1, "a", 2.0, 2.5, True, None, np.nan, pd.NA, b"x", np.int64(7), float("inf"), "", 2**70)
    data = read("item", objects(*odd))
    assert data.item_ids.tolist() == ["1", "1180591620717411303424", "2", "7", "a"]
    assert reasons(data) == [
        "item is a number with a fraction",
        "item is a boolean",
        "item is null",
        "item is null",
        "item is null",
        "item is a bytes, neither a string nor an integer",
        "item is infinite",
        "item is an empty string",
    ]
    assert data.quarantine.index.tolist() == [3, 4, 5, 6, 7, 8, 10, 11]


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (np.array([2, 1, 2], np.int8), [1, 2]),
        (np.array([2, 1, 2], np.uint32), [1, 2]),
        (pd.array([2, None, 1], "Int64"), [1, 2]),
        ([2.0, np.nan, 1.0], [1, 2]),
        (np.array([2, 1], np.float32), [1, 2]),
        (objects(2, None, 1), [1, 2]),
        (objects(2.0, None, 1), [1, 2]),
        (pd.Categorical(["b", "a", None]), ["a", "b"]),
        (pd.Categorical([2, 1, None]), [1, 2]),
        (pd.Categorical(objects("b", 1, None)), ["1", "b"]),
        (pd.array(["b", None], "string"), ["b"]),
        (pd.array(["b", None], pd.ArrowDtype(pa.string())), ["b"]),
        (objects("10", "9", "é", "Z", " a", "\x00"), ["\x00", " a", "10", "9", "Z", "é"]),
    ],
)
def test_ids_of_every_type(values: Any, ids: list[Any]) -> None:
    data = read("subject", values)
    assert data.subject_ids.tolist() == ids
    assert data.subject_ids.dtype == (np.int64 if isinstance(ids[0], int) else object)
    missing = len(values) - len([v for v in values if not pd.isna(v)])
    assert data.quarantine_counts == ({"subject is null": missing} if missing else {})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([1, 2**63], np.uint64), "item is an integer beyond 64 bits"),
        (objects(1, 2**63), "item is an integer beyond 64 bits"),
        ([1.0, 1.5], "item is a number with a fraction"),
        ([1.0, 2.0**60], "item is a float too large to be an exact integer"),
        ([1.0, -np.inf], "item is infinite"),
        (objects("a", "\ud800"), "item is not valid Unicode"),
        (objects("a", dt.date(2024, 1, 1)), "item is a date, neither a string nor an integer"),
        (objects("a", decimal.Decimal(1)), "item is a Decimal, neither a string nor an integer"),
        (objects("a", uuid.UUID(int=1)), "item is a UUID, neither a string nor an integer"),
        (objects(1, True), "item is a boolean"),
    ],
)
def test_what_no_id_can_be(values: Any, reason: str) -> None:
    data = read("item", values)
    assert data.num_events == 1
    assert reasons(data) == [reason]


def test_a_column_of_booleans_is_quarantined_and_one_of_times_refused() -> None:
    assert read("item", [True, False]).quarantine_counts == {"item is a boolean": 2}
    with pytest.raises(InvalidArgumentError, match="item column holds timestamp"):
        read("item", pd.to_datetime(["2024-01-01"]))
    with pytest.raises(InvalidArgumentError, match="item column holds large_list"):
        pn.Dataset.from_events(pl.DataFrame({"subject": [1], "item": [[1]], "time": [1]}))


def test_polars_and_arrow_encodings() -> None:
    frame = pl.DataFrame({"subject": ["b", "a", None], "item": [1, 2, 3], "time": [1, 2, 3]})
    plain = pn.Dataset.from_events(frame)
    assert (
        pn.Dataset.from_events(frame.with_columns(pl.col("subject").cast(pl.Categorical))) == plain
    )
    assert (
        pn.Dataset.from_events(frame.with_columns(pl.col("subject").cast(pl.Enum(["b", "a"]))))
        == plain
    )
    table = frame.to_arrow()
    for kind in (
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
    ):
        column = table["subject"].cast(pa.string()).cast(kind)
        assert pn.Dataset.from_events(table.set_column(0, "subject", column)) == plain
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1, 2)])
    assert pn.Dataset.from_events(chunked) == plain
    assert pn.Dataset.from_events(pa.concat_tables([table, table]).slice(3)) == plain


def test_nobody_known() -> None:
    values = objects("a", None, "", 2.5)
    strict = read("subject", values)
    assert strict.quarantine_counts == {
        "subject is a number with a fraction": 1,
        "subject is an empty string": 1,
        "subject is null": 1,
    }
    kept = read("subject", values, anonymous="keep")
    assert kept.num_events == 3
    assert kept.subject_ids.tolist() == ["a"]
    assert kept.quarantine_counts == {"subject is a number with a fraction": 1}
    assert kept.to_csr().sum() == 1  # events of nobody are no one's interactions
    assert kept.to_frame()["subject"].isna().sum() == 2
    with pytest.raises(InvalidArgumentError, match="'quarantine' or 'keep'"):
        read("subject", values, anonymous="drop")


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.nan, "value is NaN"),
        (np.inf, "value is infinite"),
        (-np.inf, "value is infinite"),
        (-0.5, "value is negative"),
        (1e39, "value is beyond 32-bit floats"),
    ],
)
def test_bad_values(value: float, reason: str) -> None:
    data = read("value", [1.0, value, 2.0])
    assert reasons(data) == [reason]
    assert data.to_csr().sum() == 3
    mixed = read("value", objects(1, value, 2.0))
    assert reasons(mixed) == [reason]


def test_values_of_every_type() -> None:
    assert read("value", objects(1, "2", 2.0, None, pd.NA, [3])).quarantine_counts == {
        "value is null": 2,
        "value is not a number": 2,
    }
    assert reasons(read("value", pd.array([1, None], "Int64"))) == ["value is null"]
    assert read("value", objects(decimal.Decimal("1.5"), 1)).to_csr().sum() == 2.5
    assert read("value", [True, False]).to_csr().sum() == 1
    assert read("value", np.array([2**62], np.int64)).to_csr().sum() == 2**62
    assert read("value", [-0.0]).num_events == 1
    assert read("value", [-0.0]) == read("value", [0.0])
    with pytest.raises(InvalidArgumentError, match="convert it to numbers"):
        read("value", ["1", "2"])
    nulls = pl.DataFrame({"subject": [1, 1], "item": [1, 1], "time": [1, 1], "value": [None, 2.0]})
    data = pn.Dataset.from_events(nulls, value="value")
    assert data.quarantine["reason"].to_list() == ["value is null"]


# --- times ----------------------------------------------------------------------------------------

NOON = 1_323_432_000  # 2011-12-09 12:00 UTC
NOON_TIME = dt.datetime(2011, 12, 9, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([NOON], {}),
        ([float(NOON)], {}),
        ([NOON * 1000], {"time_unit": "ms"}),
        ([NOON * 1_000_000], {"time_unit": "us"}),
        ([NOON * 1_000_000_000], {"time_unit": "ns"}),
        (np.array([NOON], np.uint64), {}),
        (np.array([NOON], np.uint32), {}),
        (["2011-12-09T12:00:00Z"], {}),
        (["2011-12-09 12:00"], {}),
        (["2011-12-09T13:00:00+01:00"], {}),
        (pd.to_datetime(["2011-12-09 12:00"]), {}),
        (pd.to_datetime(["2011-12-09 12:00"]).astype("datetime64[s]"), {}),
        (pd.to_datetime(["2011-12-09 12:00"]).tz_localize("UTC"), {}),
        (pd.to_datetime(["2011-12-09 13:00"]).tz_localize("Europe/Paris"), {}),
        (pd.to_datetime(["2011-12-09 07:00"]).tz_localize("America/New_York"), {}),
        (objects(dt.datetime(2011, 12, 9, 12)), {}),
        (objects(NOON_TIME.astimezone(dt.timezone(dt.timedelta(hours=5)))), {}),
        (objects("2011-12-09T12:00", NOON, NOON_TIME, np.datetime64("2011-12-09T12:00")), {}),
        (objects(NOON_TIME, dt.datetime(2011, 12, 9, 12)), {}),  # aware and naive
        (objects(*[NOON_TIME.astimezone(dt.timezone(dt.timedelta(hours=h))) for h in (1, 9)]), {}),
        (pd.Categorical(["2011-12-09 12:00"]), {}),
        (pd.array([NOON_TIME], pd.ArrowDtype(pa.timestamp("us", "Asia/Tokyo"))), {}),
    ],
)
def test_times_of_every_type(values: Any, options: dict[str, str]) -> None:
    data = read("time", values, **options)
    assert data.quarantine_counts == {}
    assert data.time_range == (NOON_TIME, NOON_TIME)


def test_dates_are_midnights() -> None:
    midnight = dt.datetime(2011, 12, 9, tzinfo=dt.UTC)
    for values in (objects(dt.date(2011, 12, 9)), ["2011-12-09"]):
        assert read("time", values).time_range == (midnight, midnight)
    for kind in (pa.date32(), pa.date64()):
        table = pa.table({"subject": [1], "item": [1], "time": pa.array([midnight.date()], kind)})
        assert pn.Dataset.from_events(table).time_range == (midnight, midnight)


def test_fractions_of_seconds() -> None:
    data = read("time", [0.5, 1e9 + 0.25])
    assert data.time_range is not None
    assert [t.microsecond for t in data.time_range] == [500_000, 250_000]
    before = read("time", np.array([-1], np.int64), time_unit="ns")  # floors, on both sides of 1970
    assert before.time_range is not None
    assert before.time_range[0] == dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        ("2024-01-01", "01/12/2010 8:26", "time is not ISO 8601"),
        ("2024-01-01", "2024-13-01", "time is not ISO 8601"),
        ("2024-01-01", "", "time is not ISO 8601"),
        ("2024-01-01", None, "time is null"),
        (1.0, np.nan, "time is null"),
        (1.0, np.inf, "time is outside the years 1678 to 2261 (is time_unit right?)"),
        (1, 10**13, "time is outside the years 1678 to 2261 (is time_unit right?)"),
        (1, -(10**10), "time is outside the years 1678 to 2261 (is time_unit right?)"),
        (1.0, 1e300, "time is outside the years 1678 to 2261 (is time_unit right?)"),
        (NOON_TIME, pd.NaT, "time is null"),
        (NOON_TIME, "soon", "time is not ISO 8601"),
        (NOON_TIME, True, "time is a bool"),
        (NOON_TIME, 10**40, "time is outside the years 1678 to 2261 (is time_unit right?)"),
        (NOON_TIME, dt.datetime(1600, 1, 1), "time is outside the years 1678 to 2261"),
        (NOON_TIME, "0001-01-01", "time is outside the years 1678 to 2261"),
    ],
)
def test_bad_times(good: Any, bad: Any, reason: str) -> None:
    plain = [good, bad]
    for values in (plain, objects(*plain)):
        data = read("time", values)
        assert [text.startswith(reason) for text in reasons(data)] == [True], reasons(data)
        assert data.num_events == 1


def test_the_years_have_exact_ends() -> None:
    edges = ["1678-01-01", "2261-12-31T23:59:59.999999", "1677-12-31T23:59:59", "2262-01-01"]
    for values in (edges, np.array(edges, "M8[us]"), objects(*edges)):
        data = read("time", values)
        assert data.num_events == 2
        assert data.quarantine.index.tolist() == [2, 3]
    seconds = np.array(edges, "M8[us]").astype("M8[s]").astype(np.int64)
    assert read("time", seconds).quarantine.index.tolist() == [2, 3]
    days = pa.array(np.array(["1678-01-01", "2262-01-01"], "M8[D]"))
    table = pa.table({"subject": [1, 1], "item": [1, 1], "time": days})
    assert pn.Dataset.from_events(table).num_events == 1


def test_time_columns_of_the_wrong_kind() -> None:
    with pytest.raises(InvalidArgumentError, match="time column holds duration"):
        read("time", pd.to_timedelta(["1D"]))
    with pytest.raises(InvalidArgumentError, match="time column holds bool"):
        read("time", [True])
    with pytest.raises(InvalidArgumentError, match="time_unit is one of"):
        read("time", [1], time_unit="h")


# --- types and the quarantine itself --------------------------------------------------------------


def test_odd_types() -> None:
    frame = pd.DataFrame({"subject": 1, "item": 1, "time": 1, "type": ["cart", None, "", "x"]})
    data = pn.Dataset.from_events(frame, type="type")
    assert reasons(data) == ["type is null", "type is an empty string"]
    assert set(data.types) == {"cart", "x"}
    codes = pn.Dataset.from_events(frame.assign(type=[3, 1, 1, 2]), type="type")
    assert codes.types == {"1": 1.0, "2": 1.0, "3": 1.0}
    many = pd.DataFrame({"subject": 1, "item": 1, "time": 1, "type": [f"t{i}" for i in range(257)]})
    with pytest.raises(InvalidArgumentError, match="257 types"):
        pn.Dataset.from_events(many, type="type")


def test_a_row_keeps_its_first_reason_and_all_its_columns() -> None:
    frame = pd.DataFrame(
        {"subject": [None], "item": [2.5], "time": ["x"], "value": [-1], "note": ["kept"]},
        index=["row 9"],
    )
    data = pn.Dataset.from_events(frame, value="value")
    assert data.quarantine_counts == {"subject is null": 1}
    assert data.quarantine.columns.tolist() == [*frame.columns, "reason"]
    assert data.quarantine.index.tolist() == ["row 9"]
    assert data.quarantine["note"].tolist() == ["kept"]
    own = pn.Dataset.from_events(frame.assign(reason="mine"), value="value").quarantine
    assert own["reason"].tolist() == ["mine"]
    assert own["quarantine_reason"].tolist() == ["subject is null"]


def test_bad_rows_never_touch_the_good_ones() -> None:
    good = pd.DataFrame({"subject": [1, 2], "item": ["a", "b"], "time": [1, 2], "value": [1.0, 2]})
    bad = pd.DataFrame(
        {"subject": [3, np.nan], "item": ["c", "d"], "time": [9, 9], "value": [np.inf, 1.0]}
    )
    data = pn.Dataset.from_events(pd.concat([bad, good]), value="value", half_life="1s")
    assert data == pn.Dataset.from_events(good, value="value", half_life="1s")
    train, test = pn.splits.random(data, 0.5)
    assert len(train.quarantine) == len(test.quarantine) == 0
    assert list(train.quarantine.columns) == list(data.quarantine.columns)
