"""The bundle format read by a stranger: a reader written from docs/bundle_format/v1.md alone."""

from __future__ import annotations

import gc
import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import penchant as pn
from penchant import _core, errors

GOLDEN = Path(__file__).parents[1] / "golden" / "minimal_v1.penchant"

# --- the stranger ---------------------------------------------------------------------------------

DTYPES = {"u8": "u1", "i32": "<i4", "i64": "<i8", "f32": "<f4", "f64": "<f8"}


def require(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(rule)


def members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    known = {"version", "oldest_reader", "producer", "lineage", "sections"}
    known |= {"name", "dtype", "shape", "offset", "bytes", "xxh3"}
    require(all(names.count(name) == 1 for name in known & set(names)), "a member appears twice")
    return dict(pairs)


def is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**64


def read_bundle(file: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays by name, or ValueError."""
    require(len(file) >= 64 and file[:8] == b"\x89PNCH\r\n\x1a", "signature")
    version, oldest, length, header_sum, size = struct.unpack_from("<IIQQQ", file, 8)
    require(1 <= oldest <= version and oldest <= 1, "version")
    require(struct.unpack_from("<Q", file, 56)[0] == xxhash.xxh3_64_intdigest(file[:56]), "prefix")
    require(file[40:56] == bytes(16) and size == len(file), "prefix")
    require(length <= 2**24 and length <= size - 64, "header length")
    raw = file[64 : 64 + length]
    require(xxhash.xxh3_64_intdigest(raw) == header_sum, "header checksum")
    require(raw[:1] == b"{" and raw[-1:] == b"}" and b"\0" not in raw, "header")
    header = json.loads(raw.decode(), object_pairs_hook=members_once)
    require(header["version"] == version and header["oldest_reader"] == oldest, "versions differ")
    require(isinstance(header["producer"], str), "producer")
    require(isinstance(header["lineage"], dict), "lineage")
    arrays: dict[str, np.ndarray] = {}
    data_start = -(-(64 + length) // 64) * 64
    end = 64 + length
    for section in header["sections"]:
        name, shape = section["name"], section["shape"]
        require(re.fullmatch(r"[a-z0-9_/.-]{1,200}", name) is not None, "name")
        require(name not in arrays, "two of a name")
        dtype = np.dtype(DTYPES[section["dtype"]])
        require(1 <= len(shape) <= 8 and all(is_count(n) and n <= size for n in shape), "shape")
        count = int(np.prod([int(n) for n in shape], dtype=object))
        require(is_count(section["bytes"]) and section["bytes"] == count * dtype.itemsize, "bytes")
        start = max(data_start, -(-end // 64) * 64)
        require(is_count(section["offset"]) and section["offset"] == start - data_start, "offset")
        require(start + section["bytes"] <= size, "past the end")
        require(not any(file[end:start]), "padding")
        end = start + section["bytes"]
        require(f"{xxhash.xxh3_64_intdigest(file[start:end]):016x}" == section["xxh3"], "checksum")
        arrays[name] = np.frombuffer(file, dtype, count, start).reshape(shape)
    if not arrays:
        require(not any(file[end:data_start]), "padding")
        end = data_start
    require(end == size, "end of file")
    return header, arrays


# --- the tests ------------------------------------------------------------------------------------


def sample() -> _core.BundleWriter:
    rng = np.random.default_rng(3)
    writer = _core.BundleWriter()
    writer.add("models/0/factors", rng.normal(size=(7, 5)).astype(np.float32))
    writer.add("ids.offsets", np.arange(9, dtype=np.int64))
    writer.add("rows", np.array([2**31 - 1, -(2**31)], np.int32))
    writer.add("empty", np.empty((0, 3)))
    writer.add_text("goldens/requests", '[{"subject":null},{"subject":"é"}]')
    return writer


LINEAGE = '{"seed": 7, "data": "0123", "nested": {"a": [1.50, null]}}'


def agree(file: bytes) -> None:
    header, arrays = read_bundle(file)
    reader = _core.BundleReader.from_bytes(file)
    assert header == json.loads(reader.header_json)
    assert header["lineage"] == json.loads(reader.lineage_json)
    assert reader.fingerprint == f"{xxhash.xxh3_64_intdigest(reader.header_json.encode()):016x}"
    assert [section["name"] for section in reader.sections] == list(arrays)
    for section in reader.sections:
        ours = reader.array(section["name"])
        theirs = arrays[section["name"]]
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape == section["shape"]
        assert ours.tobytes() == theirs.tobytes()


def test_a_stranger_reads_what_we_write():
    file = sample().to_bytes(LINEAGE)
    agree(file)
    _, arrays = read_bundle(file)
    assert arrays["goldens/requests"].tobytes().decode() == '[{"subject":null},{"subject":"é"}]'
    assert _core.BundleReader.from_bytes(file).lineage_json == LINEAGE


def test_a_stranger_reads_the_golden_file():
    file = GOLDEN.read_bytes()
    assert len(file) < 4096
    agree(file)
    _, arrays = read_bundle(file)
    np.testing.assert_array_equal(arrays["matrix/f32"].ravel(), np.arange(15) / 4 - 1)
    np.testing.assert_array_equal(arrays["cube/u8"].ravel(), np.arange(24))


def test_nothing_at_all():
    agree(_core.BundleWriter().to_bytes())


array_of_any_kind = st.sampled_from(["u1", "<i4", "<i8", "<f4", "<f8"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, max_side=9))
)


@settings(deadline=None, max_examples=60)
@given(
    sections=st.dictionaries(
        st.from_regex(r"[a-z0-9_/.-]{1,30}", fullmatch=True), array_of_any_kind
    ),
    lineage=st.dictionaries(
        st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.floats(-1e9, 1e9)
    ),
)
def test_any_sections_come_back(sections, lineage):
    text = json.dumps(lineage)
    files = []
    for _ in range(2):
        writer = _core.BundleWriter()
        for name, values in sections.items():
            writer.add(name, values)
        files.append(writer.to_bytes(text))
    assert files[0] == files[1]
    agree(files[0])
    _, arrays = read_bundle(files[0])
    assert list(arrays) == list(sections)
    for name, values in sections.items():
        assert arrays[name].tobytes() == values.tobytes()


def test_both_refuse_every_changed_byte():
    file = bytearray(GOLDEN.read_bytes())
    for position in range(len(file)):
        file[position] ^= 0x10
        with pytest.raises(errors.CorruptBundleError):
            _core.BundleReader.from_bytes(file)
        with pytest.raises((ValueError, KeyError)):
            read_bundle(bytes(file))
        file[position] ^= 0x10
    for size in range(len(file)):
        with pytest.raises(errors.CorruptBundleError):
            _core.BundleReader.from_bytes(file[:size])


def test_arrays_are_views_that_outlive_the_reader(tmp_path):
    path = tmp_path / "x.penchant"
    sample().write_file(path, LINEAGE)
    reader = _core.BundleReader.open(path)
    whole = reader.file_bytes
    factors = reader.array("models/0/factors")
    assert np.shares_memory(whole, factors)
    assert not factors.flags.owndata
    assert not factors.flags.writeable
    assert factors.ctypes.data % 64 == 0
    with pytest.raises(ValueError, match="read-only"):
        factors[0, 0] = 1
    expected = read_bundle(path.read_bytes())[1]["models/0/factors"]
    del reader, whole
    gc.collect()
    path.unlink()
    np.testing.assert_array_equal(factors, expected)


def test_errors_are_pythons_own_too(tmp_path):
    with pytest.raises(errors.NotFoundError, match="nothing"):
        _core.BundleReader.open(tmp_path / "nothing")
    with pytest.raises(OSError, match="not a regular file"):
        _core.BundleReader.open(tmp_path)
    (tmp_path / "table.csv").write_text("subject,item\n")
    with pytest.raises(errors.CorruptBundleError, match=r"table\.csv.*not a Penchant bundle"):
        pn.inspect(tmp_path / "table.csv")
    writer = _core.BundleWriter()
    for values in (np.zeros(2, complex), np.zeros(2, ">f4"), np.array(["a"]), np.zeros(2, bool)):
        with pytest.raises(errors.InvalidArgumentError, match="a bundle holds"):
            writer.add("x", values)
    with pytest.raises(ValueError, match="axes"):
        writer.add("x", np.float32(1))
    with pytest.raises(ValueError, match="lineage"):
        writer.to_bytes('{"a": NaN}')
    writer.add("x", np.arange(12, dtype=np.int32).reshape(3, 4).T)  # any strides
    np.testing.assert_array_equal(
        _core.BundleReader.from_bytes(writer.to_bytes()).array("x"), np.arange(12).reshape(3, 4).T
    )
    with pytest.raises(ValueError, match="already added"):
        writer.add_text("x", "")


def test_bytes_saved_atomically_are_those_given(tmp_path):
    path = tmp_path / "x.penchant"
    file = sample().to_bytes(LINEAGE)
    _core.write_file_atomically(path, _core.BundleReader.from_bytes(file).file_bytes)
    assert path.read_bytes() == file
    with pytest.raises(OSError, match="no folder"):
        _core.write_file_atomically(tmp_path / "no folder" / "x", b"")
    assert [child.name for child in tmp_path.iterdir()] == ["x.penchant"]


def test_inspect_says_what_is_inside(tmp_path):
    path = tmp_path / "x.penchant"
    sample().write_file(path, LINEAGE)
    facts = pn.inspect(path)
    assert facts["lineage"] == json.loads(LINEAGE)
    assert facts["goldens"] == 2
    assert facts["file_bytes"] == path.stat().st_size
    assert facts["header"] == {
        "version": 1,
        "oldest_reader": 1,
        "producer": f"penchant {pn.__version__}",
    }
    assert facts["fingerprint"] == _core.BundleReader.open(path).fingerprint
    file = path.read_bytes()
    for section in facts["sections"]:
        content = file[section["offset"] : section["offset"] + section["bytes"]]
        assert section["xxh3"] == f"{xxhash.xxh3_64_intdigest(content):016x}"
    assert facts["sections"][0]["shape"] == [7, 5]
    assert pn.inspect(GOLDEN)["goldens"] == 0
    json.dumps(facts)
