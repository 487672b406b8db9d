"""`pn.Dataset`: what goes in, what comes out, and that order never matters."""

from __future__ import annotations

import datetime as dt
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pn
from penchant.errors import InvalidArgumentError, UnavailableError

KINDS = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}


@pytest.fixture
def log() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": ["ann", "bob", "ann", "cid", "ann", "bob"],
            "item": [30, 10, 20, 10, 30, 20],
            "time": pd.to_datetime(
                ["2024-05-03", "2024-05-01", "2024-05-02", "2024-05-05", "2024-05-05", "2024-05-04"]
            ),
            "type": ["purchase", "cart", "purchase", "return", "purchase", "page_view"],
            "value": [2.0, 1.0, 1.0, 1.0, 3.0, 5.0],
        }
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_the_same_dataset(log: pd.DataFrame, kind: str) -> None:
    data = pn.Dataset.from_events(KINDS[kind](log), type="type", value="value")
    assert data == pn.Dataset.from_events(log, type="type", value="value")
    assert (data.num_subjects, data.num_items, data.num_events, len(data)) == (3, 3, 6, 6)
    assert data.subject_ids.tolist() == ["ann", "bob", "cid"]
    assert data.item_ids.dtype == np.int64
    assert data.item_ids.tolist() == [10, 20, 30]
    assert data.time_range == (
        dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
        dt.datetime(2024, 5, 5, tzinfo=dt.UTC),
    )
    assert data.types == pytest.approx(
        {"cart": 0.4, "page_view": 0.1, "purchase": 1.0, "return": 0.0}
    )
    assert type(data.to_frame()) is type(KINDS[kind](log))
    assert type(data.quarantine) is type(KINDS[kind](log))


def test_interactions_add_up(log: pd.DataFrame) -> None:
    data = pn.Dataset.from_events(log, type="type", value="value")
    expected = [[0, 1, 5], [0.4, 0.5, 0], [0, 0, 0]]  # cid only returned something
    np.testing.assert_allclose(data.to_csr().toarray(), expected, rtol=1e-6)
    assert data.to_csr().dtype == np.float32
    assert data.to_csr("count").toarray().tolist() == [[0, 1, 2], [1, 1, 0], [0, 0, 0]]
    assert data.to_csr("binary").sum() == 4
    with pytest.raises(InvalidArgumentError, match="'binary'"):
        data.to_csr("log")
    plain = pn.Dataset.from_events(log)
    assert plain.to_csr().toarray().tolist() == [[0, 1, 2], [1, 1, 0], [1, 0, 0]]


def test_half_life_halves(log: pd.DataFrame) -> None:
    data = pn.Dataset.from_events(log, type="type", value="value", half_life="2d")
    matrix = data.to_csr().toarray()
    assert matrix[0, 2] == pytest.approx(2 * 2 ** (-2 / 2) + 3)
    assert matrix[0, 1] == pytest.approx(2 ** (-3 / 2))
    assert data == pn.Dataset.from_events(
        log, type="type", value="value", half_life=dt.timedelta(days=2)
    )
    assert data != pn.Dataset.from_events(log, type="type", value="value")
    for wrong in ("2 days", "-1d", "0d", 5, dt.timedelta(0), np.timedelta64("NaT"), pd.NaT):
        with pytest.raises(InvalidArgumentError):
            pn.Dataset.from_events(log, half_life=wrong)
    with pytest.raises(InvalidArgumentError, match="no times"):
        pn.Dataset.from_events(log, time=None, half_life="2d")


def test_baskets_count_as_one_visit() -> None:
    frame = pd.DataFrame({"subject": 1, "item": 2, "time": [5, 5, 9], "value": [1.0, 2.0, 4.0]})
    data = pn.Dataset.from_events(frame, value="value")
    assert data.to_csr("count").toarray().tolist() == [[2]]
    assert data.to_csr().toarray().tolist() == [[7]]
    assert pn.Dataset.from_events(frame, time=None).to_csr("count").toarray().tolist() == [[3]]


def test_type_weights(log: pd.DataFrame) -> None:
    data = pn.Dataset.from_events(log, type="type", type_weights={"return": 2, "purchase": 0})
    assert data.types["return"] == 2
    assert data.to_csr()[2, 0] == 2
    assert data.to_csr()[0].nnz == 0
    assert data.num_events == 6
    other = pn.Dataset.from_events(log.assign(type="search"), type="type")
    assert other.types == {"search": 1.0}
    # Names of the taxonomy may be absent from this log; others are likely misspelt.
    pn.Dataset.from_events(log, type="type", type_weights={"click": 0.3})
    with pytest.raises(InvalidArgumentError, match=r"'purchse'.*'page_view', 'purchase'"):
        pn.Dataset.from_events(log, type="type", type_weights={"purchse": 1})
    for wrong in (-1, float("nan"), float("inf"), "1"):
        with pytest.raises(InvalidArgumentError, match="finite"):
            pn.Dataset.from_events(log, type="type", type_weights={"cart": wrong})
    with pytest.raises(InvalidArgumentError, match="type="):
        pn.Dataset.from_events(log, type_weights={"cart": 1})


def test_zero_values_are_events_but_no_interaction() -> None:
    frame = pd.DataFrame({"subject": [1, 1], "item": [1, 2], "time": [1, 2], "value": [0, 1]})
    data = pn.Dataset.from_events(frame, value="value")
    assert (data.num_events, data.num_items, data.to_csr().nnz) == (2, 2, 1)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "é", "", None]),
            st.integers(-3, 3),
            st.integers(0, 5),
            st.sampled_from(["purchase", "view", "return"]),
            st.sampled_from([0.0, 0.1, 0.7, 1.5, float("nan"), -1.0]),
        ),
        max_size=40,
    ),
    data=st.data(),
)
def test_permuted_rows_give_the_same_dataset(rows: list[tuple], data: st.DataObject) -> None:
    names = ["subject", "item", "time", "type", "value"]
    schema = {"subject": str, "item": "int64", "time": "int64", "type": str, "value": float}
    frame = pd.DataFrame(rows, columns=names).astype(schema)
    order = data.draw(st.permutations(range(len(rows))))
    options = {"type": "type", "value": "value", "half_life": "2s", "anonymous": "keep"}
    first = pn.Dataset.from_events(frame, **options)
    second = pn.Dataset.from_events(frame.iloc[order], **options)
    assert first == second
    assert hash(first) == hash(second)
    assert first.quarantine_counts == second.quarantine_counts
    for weights in ("value", "count"):
        a, b = first.to_csr(weights), second.to_csr(weights)
        assert a.data.tobytes() == b.data.tobytes()
        assert a.indices.tobytes() == b.indices.tobytes()
        assert a.indptr.tobytes() == b.indptr.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_frames_round_trip(log: pd.DataFrame, kind: str) -> None:
    data = pn.Dataset.from_events(KINDS[kind](log), type="type", value="value")
    again = pn.Dataset.from_events(data.to_frame(), type="type", value="value")
    assert again == data
    bare = pn.Dataset.from_events(KINDS[kind](log), time=None)
    frame = bare.to_frame()
    columns = frame.column_names if kind == "pyarrow" else list(frame.columns)
    assert columns == ["subject", "item", "type", "value"]
    assert pn.Dataset.from_events(frame, time=None) == bare


def test_integer_subjects_and_nobody_round_trip_in_pandas() -> None:
    frame = pd.DataFrame({"subject": [17850.0, np.nan, 3], "item": ["x", "x", "y"], "time": 1})
    data = pn.Dataset.from_events(frame, anonymous="keep")
    assert data.subject_ids.tolist() == [3, 17850]
    out = data.to_frame()
    assert out["subject"].dtype == pd.Int64Dtype()
    assert pn.Dataset.from_events(out, anonymous="keep") == data


def test_from_interactions() -> None:
    data = pn.Dataset.from_interactions(["u", "u", "v"], [1, 1, 2], [1.0, 2.0, 4.0])
    assert data.to_csr().toarray().tolist() == [[3, 0], [0, 4]]
    assert data.time_range is None
    assert pn.Dataset.from_interactions(np.array([1, 2]), np.array(["a", "b"])).num_events == 2
    timed = pn.Dataset.from_interactions(
        pl.Series(["u", "u"]), pd.Series(["a", "b"]), times=pa.array([1, 2]), half_life="1s"
    )
    assert timed.to_csr().toarray().tolist() == [[0.5, 1]]
    bad = pn.Dataset.from_interactions(["u", ("x",), "v"], [1, 1, 2], [1.0, 2.0, np.nan])
    assert bad.num_events == 1
    assert sorted(bad.quarantine["reason"]) == [
        "subject is a tuple, neither a string nor an integer",
        "value is NaN",
    ]
    with pytest.raises(InvalidArgumentError, match="subject 2, item 1"):
        pn.Dataset.from_interactions([1, 2], [1])
    with pytest.raises(InvalidArgumentError, match="one dimension"):
        pn.Dataset.from_interactions(np.ones((2, 2)), [1, 2])


def test_item_names(log: pd.DataFrame) -> None:
    named = log.assign(title=["C", "a", "b", "a2", "c", ""])
    data = pn.Dataset.from_events(named, item_name="title")
    assert data.item_names is not None
    # 10: a and a2 once each, the first by letters; 20: the empty one is a name too, and first;
    # 30: C before c.
    assert data.item_names.tolist() == ["a", "", "C"]
    catalog = pl.DataFrame({"item": ["30", "10", "99"], "name": ["thirty", "ten", "nobody's"]})
    data = pn.Dataset.from_events(log, catalog=catalog)
    assert data.item_names is not None
    assert data.item_names.tolist() == ["ten", "", "thirty"]
    train, _ = pn.splits.temporal(data, test="2d")
    assert train.item_names is not None
    assert dict(zip(train.item_ids, train.item_names, strict=True))[30] == "thirty"
    assert pn.Dataset.from_events(log).item_names is None
    assert pn.Dataset.from_events(log, catalog=catalog.drop("name")).item_names is None
    with pytest.raises(InvalidArgumentError, match="'label' to be the item name"):
        pn.Dataset.from_events(log, catalog=catalog, item_name="label")


def test_filter(log: pd.DataFrame) -> None:
    data = pn.Dataset.from_events(log, type="type", value="value")
    assert data.filter() == data
    assert data.filter(types="purchase").num_events == 3
    assert data.filter(types=["purchase", "cart"]).item_ids.tolist() == [10, 20, 30]
    assert data.filter(subjects=["bob", "nobody"]).subject_ids.tolist() == ["bob"]
    assert data.filter(items=[10, "20", 30.0, 7]).num_items == 3
    assert data.filter(items=[]).num_events == 0
    late = data.filter(since="2024-05-04")
    assert late.num_events == 3
    assert data.filter(until=dt.date(2024, 5, 4)).num_events == 3
    window = data.filter(since=np.datetime64("2024-05-02"), until=pd.Timestamp("2024-05-04"))
    assert window.num_events == 2
    assert data.filter(subjects=["ann"]) == pn.Dataset.from_events(
        log[log["subject"] == "ann"], type="type", value="value"
    )
    with pytest.raises(InvalidArgumentError, match="'buy'"):
        data.filter(types=["buy"])
    with pytest.raises(InvalidArgumentError, match="list of ids"):
        data.filter(subjects="ann")
    with pytest.raises(InvalidArgumentError, match="not a time"):
        data.filter(since=20240504)
    with pytest.raises(InvalidArgumentError, match="no times"):
        pn.Dataset.from_events(log, time=None).filter(since="2024-01-01")


def test_pickle(log: pd.DataFrame) -> None:
    log.loc[0, "subject"] = None
    data = pn.Dataset.from_events(log, type="type", value="value", half_life="3d", item_name="type")
    again = pickle.loads(pickle.dumps(data))
    assert again == data
    assert repr(again) == repr(data)
    assert again.item_names.tolist() == data.item_names.tolist()
    assert again.quarantine_counts == {"subject is null": 1}
    with pytest.raises(UnavailableError, match="not pickled"):
        _ = again.quarantine
    assert pickle.loads(pickle.dumps(pn.splits.leave_last_out(data)[0])).split is not None


def test_repr_says_it_all(log: pd.DataFrame) -> None:
    frame = pd.concat([log, log.iloc[:1]]).astype({"subject": object})
    frame.iloc[1, 0] = None
    frame.iloc[2, 4] = -1
    data = pn.Dataset.from_events(
        frame, type="type", value="value", half_life="36h", anonymous="keep"
    )
    shown = repr(data)
    for part in (
        "6 events, 3 subjects × 3 items",
        "2024-05-01T00:00:00Z to 2024-05-05T00:00:00Z",
        "return 1 (weight 0)",
        "half-life: 36h",
        "1 of 7 rows: 1 value is negative",
        "1 event of nobody known",
        "1 row equal to another, kept",
    ):
        assert part in shown
        assert part.split(": ", 1)[-1] in data._repr_html_()
    odd = pn.Dataset.from_events(log.assign(type="<b>&"), type="type")
    assert "<b>&" not in odd._repr_html_()
    assert "split: train part of leave-last-out" in repr(pn.splits.leave_last_out(data)[0])


def test_duplicates(log: pd.DataFrame) -> None:
    twice = pd.concat([log, log, log.iloc[:2]])
    kept = pn.Dataset.from_events(twice, type="type", value="value")
    assert kept.num_events == 14
    assert "8 rows equal to another, kept" in repr(kept)
    dropped = pn.Dataset.from_events(twice, type="type", value="value", duplicates="drop")
    assert dropped == pn.Dataset.from_events(log, type="type", value="value")
    assert "8 rows equal to another, dropped" in repr(dropped)
    with pytest.raises(InvalidArgumentError, match="'keep' or 'drop'"):
        pn.Dataset.from_events(log, duplicates="first")


@pytest.mark.parametrize("kind", KINDS)
def test_empty_frames_are_empty_datasets(log: pd.DataFrame, kind: str) -> None:
    empty = KINDS[kind](log.iloc[:0])
    data = pn.Dataset.from_events(
        empty, type="type", value="value", half_life="1d", type_weights={"any": 1}
    )
    assert (data.num_subjects, data.num_items, data.num_events) == (0, 0, 0)
    assert data.time_range is None
    assert data.to_csr().shape == (0, 0)
    assert len(data.to_frame()) == 0
    assert len(data.quarantine) == 0
    assert repr(data) == "Dataset(0 events, 0 subjects × 0 items)\n  half-life: 1d"
    assert data.filter(subjects=["x"]) == data
    with pytest.raises(InvalidArgumentError, match="no events"):
        pn.splits.temporal(data)
    assert pn.splits.random(data)[1].num_events == 0


def test_columns_that_are_not_there(log: pd.DataFrame) -> None:
    with pytest.raises(InvalidArgumentError, match=r"'customer' to be the subject.*'subject', 'i"):
        pn.Dataset.from_events(log, subject="customer")
    with pytest.raises(InvalidArgumentError, match="time=None"):
        pn.Dataset.from_events(log.drop(columns="time"))
    with pytest.raises(InvalidArgumentError, match="'ts' to be the time"):
        pn.Dataset.from_events(log, time="ts")
    with pytest.raises(InvalidArgumentError, match="collect"):
        pn.Dataset.from_events(pl.from_pandas(log).lazy())
    with pytest.raises(InvalidArgumentError, match="got list"):
        pn.Dataset.from_events([1, 2])
    with pytest.raises(InvalidArgumentError, match="share a name"):
        pn.Dataset.from_events(pd.concat([log, log[["item"]]], axis=1))


def test_core_arrays_are_read_only_views(log: pd.DataFrame) -> None:
    data = pn.Dataset.from_events(log)
    pairs = data._core.interactions()
    for array in (pairs.items, pairs.values, pairs.counts, pairs.offsets, pairs.first, pairs.last):
        assert not array.flags.writeable
        assert not array.flags.owndata
    assert not data.subject_ids.flags.writeable
    values = pairs.values
    del pairs, data
    assert values.tolist() == [1.0, 2.0, 1.0, 1.0, 1.0]  # its owner is kept alive


def test_id_maps_find_what_people_write() -> None:
    ids = pn.Dataset.from_interactions([1, 1], [17850, 3])._core.items
    assert [ids.find(x) for x in (3, "3", 3.0, np.int32(3), "03", "x", 3.5, True, None)] == [
        0,
        0,
        0,
        0,
        -1,
        -1,
        -1,
        -1,
        -1,
    ]
    assert ids.find(2**70) == -1
    assert ids.find_all(np.array([17850, 4])).tolist() == [1, -1]
    assert 17850 in ids
    texts = pn.Dataset.from_interactions([1, 1], ["17850", str(2**70)])._core.items
    assert texts.find(17850) == 1
    assert texts.find(2**70) == 0
    assert texts.find("\ud800") == -1
    assert pickle.loads(pickle.dumps(texts)) == texts


def test_the_page_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    shown = re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    exec(compile(code, "data.md", "exec"), {})
    assert capsys.readouterr().out == shown
