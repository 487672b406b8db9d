"""Frames that go out are the same whether they are short, and made directly, or long."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from penchant.data._frames import _SMALL, make_frame

COLUMNS = {
    "integers": pa.array([3, 1, 2]),
    "int32": pa.array(np.array([3, 1, 2], np.int32)),
    "float32": pa.array(np.array([0.5, -1.0, np.nan], np.float32)),
    "texts": pa.array(["a", "", "é"]),
    "truths": pa.array([True, False, True]),
    "times": pa.array([1, 2, 3], pa.timestamp("us")),
    "integers with nulls": pa.array([1, None, 3]),
    "texts with nulls": pa.array(["a", None, "c"]),
    "chunks": pa.chunked_array([[1, 2], [3]]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_short_pandas_frame_is_the_head_of_a_long_one(name):
    short = {name: COLUMNS[name], "other": pa.array([1, 2, 3])}
    times = _SMALL // 3 + 1
    long = {
        key: pa.concat_arrays(column.chunks * times)
        if isinstance(column, pa.ChunkedArray)
        else pa.concat_arrays([column] * times)
        for key, column in short.items()
    }
    head = make_frame(long, "pandas").iloc[:3]
    pd.testing.assert_frame_equal(make_frame(short, "pandas"), head)


def test_a_short_pandas_frame_can_be_written_to():
    source = np.arange(3)
    frame = make_frame({"a": pa.array(source), "b": ["x", "y", "z"]}, "pandas")
    frame.loc[0, "a"] = 9
    frame.loc[0, "b"] = "w"
    assert frame["a"].tolist() == [9, 1, 2]
    assert frame["b"].tolist() == ["w", "y", "z"]
    assert source.tolist() == [0, 1, 2]


def test_an_empty_pandas_frame_keeps_its_types():
    frame = make_frame({"a": pa.array([], pa.int32()), "b": pa.array([], pa.string())}, "pandas")
    assert len(frame) == 0
    assert frame["a"].dtype == np.int32
