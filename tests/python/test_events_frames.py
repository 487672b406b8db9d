"""Frames of every kind and JSON lines through the door; sessions, baskets, folds."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pn
from penchant.cli import main
from penchant.errors import BadDataError, InvalidArgumentError, NotFoundError

TAXONOMY = pn.events.Taxonomy.default()

COLUMNS = {
    "type": ["purchase", "purchase", "page_view", "add_to_cart", "oops", "purchase"],
    "time": ["2026-01-01", "2026-01-01", "2026-01-02", "2026-01-03T10:00:00Z", "2026-01-03", "?"],
    "subject": ["a", "a", "b", None, "c", "d"],
    "item": ["x", "y", "x", "y", "x", "x"],
    "order_id": ["1", "1", None, None, None, "2"],
    "quantity": [1, 2, None, 3, 1, 1],
    "price": [1.25, 0.1, None, 2.0, 1.0, 1.0],
    "own": ["p", None, "q", "r", "s", "t"],
}


def frame_of(kind: str, columns: dict[str, list[object]]):
    table = pa.table(columns)
    return {
        "pandas": table.to_pandas,
        "pyarrow": lambda: table,
        "polars": lambda: pl.from_arrow(table),
    }[kind]()


def rows(frame) -> list[dict]:
    if isinstance(frame, pd.DataFrame):
        return pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return frame.to_dicts() if isinstance(frame, pl.DataFrame) else frame.to_pylist()


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_frames_of_the_kind_that_came_in(kind):
    frame = frame_of(kind, COLUMNS)
    checked = TAXONOMY.check(frame)
    assert type(checked.events) is type(frame)
    assert type(checked.quarantine) is type(frame)
    assert checked.counts == {"bad_time": 1, "nobody": 1, "unknown_type": 1}
    assert checked.types == {"page_view": 1, "purchase": 2}
    good, bad = rows(checked.events), rows(checked.quarantine)
    assert [one["order_id"] for one in good] == ["1", "1", None]
    assert [one["price"] for one in good] == [1.25, 0.1, None]
    assert [one["own"] for one in good] == ["p", None, "q"]
    assert good[0]["time"] == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert [one["reason"] for one in bad] == ["nobody", "unknown_type", "bad_time"]
    assert [one["own"] for one in bad] == ["r", "s", "t"]
    assert len({one["payload_hash"] for one in bad}) == 3
    assert "subject" in bad[0]["message"]
    assert len(checked) == 3
    assert "3 set aside" in repr(checked)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_nothing_in_nothing_out(kind):
    checked = TAXONOMY.check(frame_of(kind, COLUMNS)[:0])
    assert len(checked) == 0
    assert len(checked.events) == len(checked.quarantine) == len(checked.sessions()) == 0


def test_columns_of_any_type():
    table = pa.table(
        {
            "when": pa.array([0, 86_400_000, None], pa.timestamp("ms")),
            "customer": pa.array([7, 8, 9], pa.uint64()),
            "sku": pa.array(["x", "y", "x"]).dictionary_encode(),
            "price": pa.array(
                [Decimal("1.25"), Decimal("-0.01"), Decimal(1)], pa.decimal128(12, 3)
            ),
            "quantity": pa.array([1.5, 2, 3], pa.float32()),
            "invoice": pa.array([1.0, 2.0, 3.0]),
        }
    )
    names = {"time": "when", "subject": "customer", "item": "sku", "order_id": "invoice"}
    checked = TAXONOMY.check(table, type="purchase", columns=names, received="2026-01-01")
    assert checked.counts == {"out_of_range": 1}
    assert checked.table.price().tolist() == [1_250_000, 1_000_000]
    assert checked.table.quantity().tolist() == [1_500_000, 3_000_000]
    good = checked.events.to_pylist()
    assert [one["subject"] for one in good] == ["7", "9"]
    assert [one["order_id"] for one in good] == ["1", "3"]
    assert good[1]["time"] == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # as it was received
    assert set(checked.quarantine.column_names) > set(table.column_names)


def test_odd_pandas_columns():
    frame = pd.DataFrame(
        {
            "subject": [1, "two", None, 4.5],
            "time": [dt.datetime(2026, 1, 1), "2026-01-02", "2026-01-03", dt.date(2026, 1, 4)],
            "item": pd.Series([1, None, 3, 4], dtype="Int64"),
            "title": [b"x", None, None, None],
        }
    )
    checked = TAXONOMY.check(frame, type="page_view")
    assert checked.counts == {"wrong_kind": 2, "nobody": 1}
    assert checked.events["subject"].tolist() == ["two"]


def test_large_and_huge_decimals():
    table = pa.table(
        {
            "subject": ["s"] * 4,
            "time": [0] * 4,
            "item": ["i"] * 4,
            "price": pa.array(
                [
                    Decimal("9223372036854.775807"),
                    Decimal("9223372036854.775808"),
                    Decimal(10**30),
                    None,
                ],
                pa.decimal128(38, 6),
            ),
        }
    )
    checked = TAXONOMY.check(table, type="add_to_cart")
    assert checked.counts == {"out_of_range": 2}
    assert checked.table.price()[0] == 2**63 - 1
    prices = pa.array([Decimal("1.25"), Decimal("1.0000007"), None, None], pa.decimal128(20, 10))
    for column in (prices, prices.cast(pa.decimal256(40, 10))):
        table = table.set_column(3, "price", column)
        found = TAXONOMY.check(table, type="add_to_cart").table.price()
        assert found[:2].tolist() == [1_250_000, 1_000_001]


def test_minimal_types_leave_out_what_they_do_not_know():
    taxonomy = TAXONOMY.add("visit", minimal=True, fields={"area": "text"})
    columns = {
        "type": ["visit", "page_view"],
        "time": ["2026-01-01"] * 2,
        "subject": ["a"] * 2,
        "area": ["x", None],
        "phone": ["1", "2"],
    }
    checked = taxonomy.check(pa.table(columns))
    assert checked.events["phone"].to_pylist() == [None, "2"]
    assert checked.dropped == 1
    lines = "\n".join(
        json.dumps({"type": t, "time": "2026-01-01", "subject": "a", "fields": {"phone": p}})
        for t, p in zip(columns["type"], columns["phone"], strict=True)
    )
    assert taxonomy.check_lines(lines).dropped == 1


def test_identifiers_context_and_versions_in_columns():
    taxonomy = TAXONOMY.add(
        "order",
        version=2,
        fields={"total": "decimal"},
        migrate={1: [{"scale": ["total", 0.01]}]},
    )
    table = pa.table(
        {
            "version": [1, 2, 3],
            "time": ["2026-01-01"] * 3,
            "mail": ["a@b", None, None],
            "subject": [None, "s", "s"],
            "device": ["phone", "tv", None],
            "total": [1299.0, 12.99, 1.0],
        }
    )
    names = {"identifiers.email": "mail", "context.device": "device"}
    checked = taxonomy.check(table, type="order", columns=names)
    assert checked.counts == {"newer_version": 1}
    good = checked.events.to_pylist()
    assert [one["total"] for one in good] == [12.99, 12.99]
    assert [one["identifiers.email"] for one in good] == ["a@b", None]
    assert [one["context.device"] for one in good] == ["phone", "tv"]


def test_what_makes_no_frame_is_said():
    with pytest.raises(InvalidArgumentError, match="type"):
        TAXONOMY.check(pa.table({"subject": ["a"]}))
    with pytest.raises(InvalidArgumentError, match="'customer'"):
        TAXONOMY.check(pa.table({"x": ["a"]}), type="login", columns={"subject": "customer"})
    with pytest.raises(InvalidArgumentError, match="no member 'who'"):
        TAXONOMY.check(pa.table({"x": ["a"]}), type="login", columns={"who": "x"})
    with pytest.raises(InvalidArgumentError, match="explode"):
        TAXONOMY.check(pa.table({"lines": [["a"]]}), type="purchase")


def test_lines_of_json(tmp_path):
    events = [
        {"event_id": "1", "type": "login", "subject": "a", "time": "2026-01-01"},
        {"event_id": "2", "type": "login", "time": "2026-01-01"},
        {
            "event_id": "3",
            "type": "purchase",
            "subject": "a",
            "time": "2026-01-01",
            "fields": {"order_id": 1, "x": 1, "lines": [{"item": "p"}, {"item": "q"}]},
        },
    ]
    path = tmp_path / "events.jsonl"
    path.write_text("\n\n".join(map(json.dumps, events)) + "\nbroken\n")
    checked = TAXONOMY.check_lines(path, format="polars")
    assert checked.counts == {"nobody": 1, "not_json": 1}
    assert checked.events["event_id"].to_list() == ["1", "3", "3"]
    assert checked.events["extra"].to_list() == [None, '{"x":1}', '{"x":1}']
    assert checked.quarantine["line"].to_list() == [2, 5]
    with pytest.raises(NotFoundError):
        TAXONOMY.check_lines(tmp_path / "none.jsonl")


VISITS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 400)), min_size=1, max_size=60, unique=True
)


def visits_table(visits) -> pa.Table:
    return pa.table(
        {
            "event_id": [f"{subject}{minute}" for subject, minute in visits],
            "subject": [subject for subject, _ in visits],
            "time": [60 * minute for _, minute in visits],
        }
    )


@settings(max_examples=150, deadline=None)
@given(VISITS, st.randoms(use_true_random=False))
def test_late_events_change_sessions_as_the_sorted_stream_would(visits, random):
    """However they arrive, sessions are those of pandas over the sorted log."""
    shuffled = list(visits)
    random.shuffle(shuffled)
    log = pd.DataFrame(sorted(visits), columns=["subject", "minute"])
    pause = log.groupby("subject")["minute"].diff() > 30
    log["session"] = pause.groupby(log["subject"]).cumsum()
    expected = {(s, m): n for s, m, n in log.itertuples(index=False)}
    ids = {}
    for order in (sorted(visits), shuffled):
        checked = TAXONOMY.check(visits_table(order), type="page_view")
        found = checked.sessions().to_pylist()
        for visit, one in zip(order, found, strict=True):
            assert one["session"] == expected[visit]
            assert ids.setdefault(visit, one["session_id"]) == one["session_id"]


@settings(max_examples=100, deadline=None)
@given(VISITS, st.randoms(use_true_random=False), st.integers(1, 200), st.integers(1, 40))
def test_ids_are_remembered_the_same_in_any_order(visits, random, horizon, most):
    states = set()
    for _ in range(3):
        shuffled = list(visits)
        random.shuffle(shuffled)
        seen = pn.events.Deduplicator(horizon=f"{horizon}m", max_ids=most)
        answers = seen.fold_all(TAXONOMY.check(visits_table(shuffled), type="page_view"))
        assert "duplicate" not in answers
        again = seen.fold_all(TAXONOMY.check(visits_table(shuffled), type="page_view"))
        assert "new" not in again
        states.add(seen.save())
    assert len(states) == 1
    other = pn.events.Deduplicator(horizon=f"{horizon}m", max_ids=most)
    other.restore(states.copy().pop())
    assert len(other) == len(seen) <= most
    assert {other.save()} == states


def test_deduplicator_and_lateness_one_by_one():
    seen = pn.events.Deduplicator(horizon="1d")
    assert seen.fold("a", "2026-01-01") == "new"
    assert seen.classify("a", "2026-01-01") == "duplicate"
    assert seen.fold("b", "2026-01-03") == "new"
    assert seen.fold("a", "2026-01-01") == "unknown"
    assert len(seen) == 1
    assert seen.bytes > 0
    with pytest.raises(BadDataError):
        seen.restore(b"something else")
    late = pn.events.LatePolicy("1h")
    assert late.fold("2026-01-01T12:00") == "on_time"
    assert late.fold("2026-01-01T11:00") == "late"
    assert late.fold("2026-01-01T10:59") == "too_late"
    assert late.fold("2027-01-01", received="2026-01-01T12:30") == "on_time"
    assert late.classify("2026-01-01T11:30") == "late"
    visits = [("a", 100), ("a", 90), ("a", 10)]
    checked = TAXONOMY.check(visits_table(visits), type="page_view")
    assert pn.events.LatePolicy("30m").fold_all(checked).tolist() == ["on_time", "late", "too_late"]


def test_baskets_are_orders_in_the_order_of_time():
    table = pa.table(
        {
            "type": ["purchase", "purchase", "purchase", "return", "page_view"],
            "order_id": ["b", "a", "b", "a", None],
            "item": ["x", "y", "z", "y", None],
            "subject": ["s"] * 5,
            "time": ["2026-01-02", "2026-01-01", "2026-01-03", "2026-01-09", "2026-01-01"],
        }
    )
    found = TAXONOMY.check(table).baskets()
    assert found["basket"].to_pylist() == [1, 0, 1, 0, None]
    assert found["basket_time"][2].as_py() == dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def test_online_retail_by_column():
    events = pn.datasets.load("online_retail")
    taxonomy = TAXONOMY.add(
        "purchase",
        item="none",
        fields={
            "order_id": {"kind": "text", "required": True},
            "country": "text",
            "lines": {
                "kind": "lines",
                "required": True,
                "fields": {
                    "item": {"kind": "text", "required": True},
                    "price": {"kind": "decimal", "required": True, "min": 0.001},
                    "quantity": {"kind": "decimal", "required": True, "min": 1},
                },
            },
        },
    )
    names = {"subject": "customer", "item": "sku", "time": "ts", "order_id": "invoice"}
    checked = taxonomy.check(events, type="purchase", columns=names)
    good = events[
        events["customer"].notna() & (events["quantity"] >= 1) & (events["price"] >= 0.001)
    ]
    assert len(checked) == len(good)
    assert sum(checked.counts.values()) == len(events) - len(good)
    table = checked.table
    exact = sum(
        round(price * 1000) * quantity
        for price, quantity in zip(good["price"], good["quantity"], strict=True)
    )
    spent = (table.price() // 1000 * (table.quantity() // 1_000_000)).sum()
    assert spent == exact
    orders = checked.baskets()["basket"].nunique()
    assert orders == good["invoice"].nunique()
    assert np.array_equal(checked.events["country"], good["country"])


def test_command_line(tmp_path, capsys):
    table = tmp_path / "log.parquet"
    parquet.write_table(pa.table(COLUMNS), table)
    aside = tmp_path / "aside.parquet"
    assert main(["events", "check", str(table), "--quarantine", str(aside)]) == 1
    out = capsys.readouterr().out
    assert "purchase" in out
    assert "bad_time" in out
    assert "3 of 6 set aside" in out or "3 of 5 set aside" in out
    assert parquet.read_table(aside).num_rows == 3
    assert main(["events", "check", str(table), "--max-rejected", "0.6", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == {"page_view": 1, "purchase": 2}
    lines = tmp_path / "events.jsonl"
    lines.write_text('{"type":"login","subject":1,"time":"2026-01-01"}\n')
    assert main(["events", "check", str(lines)]) == 0
    assert main(["events", "check", str(lines), "--mapping", "segment"]) == 1
    assert "unmapped" in capsys.readouterr().out
    csv = tmp_path / "log.csv"
    csv.write_text("who,when,what\n1,2026-01-01,a\n2,2026-01-02,b\n")
    columns = ["--column", "subject=who", "--column", "time=when", "--column", "item=what"]
    assert main(["events", "check", str(csv), "--type", "page_view", *columns]) == 0
    types = tmp_path / "types.yaml"
    types.write_text("types: {order: {version: 2}}\n")
    assert (
        main(["events", "check", str(csv), "--taxonomy", str(types), "--type", "order", *columns])
        == 0
    )
    assert main(["events", "check", str(tmp_path / "none.csv")]) == 2
    assert main(["events", "check", str(csv), "--mapping", "segment"]) == 2


CELLS = {
    "subject": ["a", "täglich", "", None],
    "item": ["x", "y", None],
    "time": ["2026-01-01", "2026-01-01T10:00:00+02:00", "never", None],
    "quantity": [1, 2, 0, None],
    "price": [0.0, 1.25, -0.5, 1e13, 4294967296.5, None],
    "currency": ["EUR", "EURO", "", None],
    "own": ["p", None],
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*(st.sampled_from(cells) for cells in CELLS.values())), max_size=25),
    st.sampled_from(["pandas", "polars", "pyarrow"]),
)
def test_frames_and_json_are_judged_alike(cells, kind):
    types = [*[pa.string()] * 3, pa.int64(), pa.float64(), *[pa.string()] * 2]
    columns = {
        name: pa.array([row[at] for row in cells], types[at]) for at, name in enumerate(CELLS)
    }
    by_frame = TAXONOMY.check(frame_of(kind, columns), type="add_to_cart", received="2026-02-01")
    lines = []
    for subject, item, time, quantity, price, currency, own in cells:
        fields = {"quantity": quantity, "price": price, "currency": currency, "own": own}
        one = {"type": "add_to_cart", "subject": subject, "item": item, "time": time}
        lines.append(json.dumps({**one, "fields": fields}))
    by_json = TAXONOMY.check_lines("\n".join(lines), received="2026-02-01")
    assert by_frame._bad[0].tolist() == by_json._bad[0].tolist()
    for name in ("time", "quantity", "price", "received", "event"):
        a, b = getattr(by_frame.table, name)(), getattr(by_json.table, name)()
        assert a.tolist() == b.tolist(), name
    for name in ("subject", "item") if len(by_frame) else ():
        a, b = rows(by_frame.events), rows(by_json.events)
        assert [one[name] for one in a] == [one[name] for one in b]
