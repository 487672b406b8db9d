"""The index against brute force in NumPy, and what it promises about ids, filters and changes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pn
from penchant.errors import (
    CorruptBundleError,
    InvalidArgumentError,
    NotFittedError,
    NotFoundError,
)

METRICS = ["ip", "l2", "cosine"]


def brute_force(metric, vectors, queries):
    vectors, queries = vectors.astype(np.float64), queries.astype(np.float64)
    if metric == "l2":
        return -((vectors[None, :, :] - queries[:, None, :]) ** 2).sum(axis=2)
    if metric == "cosine":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    return queries @ vectors.T


def drawn(rows, columns, seed=0):
    """Vectors around a few centres: what a graph is for."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((30, columns))
    near = centres[random.integers(0, 30, rows)] + 0.4 * random.standard_normal((rows, columns))
    return near.astype(np.float32)


def recall(ids, scores, k):
    truth = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(ids.tolist(), truth, strict=True)])


@pytest.mark.parametrize("metric", METRICS)
def test_flat_equals_brute_force(metric):
    vectors, queries = drawn(900, 17), drawn(25, 17, seed=1)
    ids, scores = pn.VectorIndex("flat", metric).fit(vectors).search(queries, 10)
    truth = brute_force(metric, vectors, queries)
    assert recall(ids, truth, 10) == 1.0
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, np.take_along_axis(truth, ids, axis=1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_graph_finds_what_brute_force_finds(metric):
    vectors, queries = drawn(6000, 24), drawn(50, 24, seed=1)
    index = pn.VectorIndex("hnsw", metric, m=8, ef_construction=80).fit(vectors)
    ids, scores = index.search(queries, 10, ef=128)
    truth = brute_force(metric, vectors, queries)
    assert recall(ids, truth, 10) >= 0.95
    np.testing.assert_allclose(scores, np.take_along_axis(truth, ids, axis=1), rtol=1e-4, atol=1e-4)
    exact = pn.VectorIndex("flat", metric).fit(vectors)
    # The graph returns the same bits for a vector as the scan does.
    all_ids, all_scores = exact.search(queries, 6000)
    for q in range(50):
        score_of = dict(zip(all_ids[q].tolist(), all_scores[q].tolist(), strict=True))
        assert [score_of[i] for i in ids[q].tolist()] == scores[q].tolist()


def test_report_says_what_was_measured():
    index = pn.VectorIndex("hnsw", "l2", m=8, ef_construction=60).fit(drawn(4000, 12))
    report = index.report_
    assert report["kind"] == "hnsw"
    assert report["held_out"]
    assert report["queries"] == 200
    assert report["recall_at_10"] >= 0.99
    assert report["efforts"][-1]["ef"] == report["ef"]
    given_queries = index.fit(drawn(4000, 12), queries=drawn(30, 12, seed=5)).report_
    assert given_queries["queries"] == 30
    assert not given_queries["held_out"]
    assert pn.VectorIndex().fit(drawn(40, 12)).report_["reason"] == "fewer than 20000 vectors"


def test_repr_says_what_was_chosen():
    assert "#" not in repr(pn.VectorIndex())
    assert repr(pn.VectorIndex().fit(drawn(40, 12))).endswith("# 40 vectors, flat, exact")
    walked = repr(pn.VectorIndex("hnsw", "l2", m=8, ef_construction=60).fit(drawn(4000, 12)))
    assert "hnsw, recall@10 " in walked
    assert "on 200 queries" in walked


@pytest.mark.parametrize("metric", METRICS)
def test_a_flat_index_is_exact_whatever_it_reads_first(metric):
    vectors, queries = drawn(6000, 24), drawn(40, 24, seed=1)
    vectors *= np.exp(np.random.default_rng(2).standard_normal((6000, 1))).astype(np.float32)
    floats = pn.VectorIndex("flat", metric, storage="float32").fit(vectors)
    by_bytes = pn.VectorIndex("flat", metric, storage="int8").fit(vectors)
    mask = np.random.default_rng(3).random(6000) < 0.4
    for allow in (None, mask):
        for k in (1, 10, 300):
            wanted = floats.search(queries, k, allow=allow)
            found = by_bytes.search(queries, k, allow=allow)
            assert np.array_equal(found[0], wanted[0])
            assert found[1].tobytes() == wanted[1].tobytes()


def test_auto_scans_where_long_vectors_win():
    """As item factors are: nothing a graph finds by a hundred; a scan reads few."""
    random = np.random.default_rng(4)
    vectors = random.standard_normal((20_000, 16)).astype(np.float32)
    vectors *= np.exp(1.2 * random.standard_normal((20_000, 1))).astype(np.float32)
    queries = random.standard_normal((100, 16)).astype(np.float32)
    index = pn.VectorIndex("auto", "ip").fit(vectors, queries=queries)
    report = index.report_
    assert report["kind"] == "flat"
    assert 0 < report["scan_visited"] < 10_000
    again = pn.VectorIndex.from_bytes(index.to_bytes())
    assert again.report_ == report
    truth = brute_force("ip", vectors, queries)
    assert recall(index.search(queries, 100)[0], truth, 100) == 1.0


def test_auto_falls_back_to_a_scan_where_the_graph_disappoints():
    # Nothing is near anything: a graph must visit nearly all.
    random = np.random.default_rng(0).standard_normal((20_000, 48)).astype(np.float32)
    index = pn.VectorIndex("auto", "l2", m=2, ef_construction=10).fit(random)
    assert index.report_["kind"] == "flat"
    assert "recall@10" in index.report_["reason"]
    assert index.search(random[:3], 1)[0].ravel().tolist() == [0, 1, 2]


def test_strings_and_integers_come_back_as_given():
    vectors = drawn(6, 4)
    texts = pn.VectorIndex(metric="l2").fit(vectors, ids=list("fedcba"))
    ids, scores = texts.search(vectors[:1], 8)
    assert ids.dtype == object
    assert ids[0, 0] == "f"
    assert ids[0, 6:].tolist() == [None, None]
    assert np.isneginf(scores[0, 6:]).all()
    numbers = pn.VectorIndex(metric="l2").fit(vectors, ids=np.arange(100, 700, 100))
    ids, _ = numbers.search(vectors[2:3], 7)
    assert ids.dtype == np.int64
    assert ids[0, 0] == 300
    assert ids[0, 6] == -1


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
@pytest.mark.parametrize("share", [0.003, 0.05, 0.5, 1.0])
def test_allow_gives_exactly_k_of_the_allowed(kind, share):
    vectors, queries = drawn(5000, 16), drawn(20, 16, seed=1)
    index = pn.VectorIndex(kind, "l2", m=6, ef_construction=50).fit(vectors)
    mask = np.random.default_rng(3).random(5000) < share
    ids, _ = index.search(queries, 10, ef=20, allow=mask)
    assert (ids >= 0).all()
    assert mask[ids].all()
    truth = np.where(mask, brute_force("l2", vectors, queries), -np.inf)
    assert recall(ids, truth, 10) >= (1.0 if kind == "flat" else 0.9)
    same, _ = index.search(queries, 10, ef=20, allow=[*np.flatnonzero(mask).tolist(), 77_777])
    assert np.array_equal(same, ids)
    few, scores = index.search(queries, 4, allow=[7, 9])
    assert sorted(few[0, :2].tolist()) == [7, 9]
    assert few[0, 2:].tolist() == [-1, -1]
    assert np.isneginf(scores[:, 2:]).all()


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
@pytest.mark.parametrize("metric", METRICS)
def test_a_filter_made_ready_is_exact_and_follows_the_index(kind, metric):
    vectors, queries = drawn(4000, 16), drawn(20, 16, seed=1)
    index = pn.VectorIndex(kind, metric, m=6, ef_construction=50).fit(vectors)
    for share in (0.002, 0.2, 0.9):
        mask = np.random.default_rng(3).random(4000) < share
        ready = index.filter(mask)
        assert len(ready) == mask.sum()
        assert repr(ready) == f"VectorFilter({mask.sum()} vectors)"
        ids, scores = index.search(queries, 10, allow=ready)
        floor = min(10, int(mask.sum()))
        assert mask[ids[:, :floor]].all()
        assert (ids[:, floor:] == -1).all()
        truth = np.where(mask, brute_force(metric, vectors, queries), -np.inf)
        assert recall(ids[:, :floor], truth, floor) >= (0.9 if share == 0.9 else 1.0)
        same = index.search(queries, 10, allow=index.filter(np.flatnonzero(mask).tolist()))
        assert np.array_equal(same[0], ids)
        assert same[1].tobytes() == scores.tobytes()


def test_a_filter_knows_its_index_and_outlives_changes():
    vectors = drawn(1000, 8)
    names = [f"item-{i}" for i in range(1000)]
    index = pn.VectorIndex("flat", "l2").fit(vectors, ids=names)
    ready = index.filter([*names[:300], "not-there"])
    assert len(ready) == 300
    index.add(vectors[:100] + 0.001, ids=[f"more-{i}" for i in range(100)])
    found = index.search(vectors[:20], 3, allow=ready)[0]
    assert found[:, 0].tolist() == names[:20]
    index.remove(names[:10])
    assert len(ready) == 290
    found = index.search(vectors[:20], 3, allow=ready)[0]
    assert not set(found.ravel().tolist()) & set(names[:10])
    assert all(int(one[5:]) < 300 for one in found.ravel().tolist())
    # The same id again is another vector.
    index.add(vectors[:1], ids=["item-0"])
    assert index.search(vectors[:1], 1, allow=ready)[0][0, 0] != "item-0"
    assert index.search(vectors[:1], 1, allow=index.filter(["item-0"]))[0][0, 0] == "item-0"
    other = pn.VectorIndex("flat", "l2").fit(vectors)
    with pytest.raises(InvalidArgumentError, match="another index"):
        other.search(vectors[:1], 1, allow=ready)
    index.fit(vectors, ids=names)
    with pytest.raises(InvalidArgumentError, match="another index"):
        index.search(vectors[:1], 1, allow=ready)
    with pytest.raises(InvalidArgumentError, match="give one"):
        index.filter(None)
    with pytest.raises(NotFittedError):
        pn.VectorIndex().filter([1])


@pytest.mark.parametrize("metric", METRICS)
def test_many_queries_get_what_each_gets_alone(metric):
    vectors, queries = drawn(5000, 20), drawn(130, 20, seed=1)
    index = pn.VectorIndex("flat", metric).fit(vectors)
    mask = np.random.default_rng(3).random(5000) < 0.3
    for allow in (None, mask, index.filter(mask)):
        together, scores = index.search(queries, 10, allow=allow, threads=2)
        for q in range(0, 130, 7):
            alone, score = index.search(queries[q : q + 1], 10, allow=allow)
            assert np.array_equal(alone[0], together[q])
            assert score.tobytes() == scores[q].tobytes()


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_add_and_remove(kind):
    vectors = drawn(2000, 16)
    names = [f"item-{i}" for i in range(2000)]
    index = pn.VectorIndex(kind, "l2", m=6, ef_construction=50)
    index.fit(vectors[:1500], ids=names[:1500]).add(vectors[1500:], ids=names[1500:])
    assert len(index) == 2000
    found, _ = index.search(vectors, 1, ef=60)
    assert np.mean(found.ravel() == np.array(names)) > 0.97
    index.remove(names[100:300])
    assert len(index) == 1800
    assert vectors[150].tobytes() not in index.to_bytes()
    assert b"item-250" not in index.to_bytes()
    found, _ = index.search(vectors[100:300], 5, ef=60)
    assert not set(found.ravel().tolist()) & set(names[100:300])
    assert all(one is not None for one in found.ravel().tolist())
    with pytest.raises(NotFoundError, match="item-150"):
        index.remove(["item-150"])
    with pytest.raises(InvalidArgumentError, match="'item-1' is in the index already"):
        index.add(vectors[:1], ids=["item-1"])
    index.add(vectors[150:151], ids=["item-150"])
    assert index.search(vectors[150:151], 1, ef=60)[0][0, 0] == "item-150"
    again = pickle.loads(pickle.dumps(index))
    assert again.to_bytes() == index.to_bytes()
    assert again.search(vectors[150:151], 1)[0][0, 0] == "item-150"


def test_numbering_goes_on():
    index = pn.VectorIndex(metric="l2").fit(drawn(10, 3))
    index.remove([4])
    index.add(drawn(5, 3, seed=9))
    assert index.search(drawn(5, 3, seed=9), 1)[0].ravel().tolist() == [10, 11, 12, 13, 14]
    with pytest.raises(NotFoundError):
        index.remove([4])


def test_the_same_bytes_for_any_threads_and_after_a_file(tmp_path):
    vectors = drawn(3000, 10)
    first = pn.VectorIndex("hnsw", m=6, ef_construction=40, threads=1).fit(vectors)
    for threads in (2, 8, None):
        other = pn.VectorIndex("hnsw", m=6, ef_construction=40, threads=threads).fit(vectors)
        assert other.to_bytes() == first.to_bytes()
    first.save(tmp_path / "items.index")
    loaded = pn.VectorIndex.load(tmp_path / "items.index")
    assert loaded.to_bytes() == first.to_bytes()
    assert loaded.get_params() == {**first.get_params(), "threads": None}
    for threads in (1, 2, 0):
        ids, scores = loaded.search(vectors[:50], 5, threads=threads)
        assert np.array_equal(ids, first.search(vectors[:50], 5)[0])
        assert np.array_equal(scores, first.search(vectors[:50], 5)[1])


def test_every_instruction_set_gives_the_same_bits():
    from penchant import _core

    vectors = drawn(3000, 19)
    seen = set()
    try:
        for target in _core.simd_targets():
            _core.force_simd_target(target)
            index = pn.VectorIndex("hnsw", m=6, ef_construction=40).fit(vectors)
            ids, scores = index.search(vectors[:100], 8, ef=16)
            seen.add((index.to_bytes(), ids.tobytes(), scores.tobytes()))
    finally:
        _core.force_simd_target("best")
    assert len(seen) == 1


def test_damaged_files_are_refused():
    whole = pn.VectorIndex("hnsw", m=4, ef_construction=20).fit(drawn(300, 5)).to_bytes()
    for at in range(0, len(whole), 997):
        damaged = bytearray(whole)
        damaged[at] ^= 0x40
        with pytest.raises(CorruptBundleError):
            pn.VectorIndex.from_bytes(bytes(damaged))
    with pytest.raises(CorruptBundleError):
        pn.VectorIndex.from_bytes(whole[: len(whole) // 2])


def test_ids_in_a_file_are_checked():
    from penchant import _core

    index = pn.VectorIndex().fit(drawn(4, 5))

    def with_ids(**sections):
        writer = _core.BundleWriter()
        index._core.save(writer, "index")
        for name, values in sections.items():
            writer.add(f"index/ids/{name}", values)
        return writer.to_bytes()

    text = np.frombuffer(b"abcd", dtype=np.uint8)
    good = with_ids(offsets=np.array([0, 1, 2, 3, 4]), bytes=text)
    assert pn.VectorIndex.from_bytes(good).search(drawn(1, 5), 1)[0][0, 0] in "abcd"
    for sections in (
        {"integers": np.array([1, 2, 3])},
        {"integers": np.array([1, 2, 3, 3])},
        {"integers": np.array([1.0, 2, 3, 4])},
        {"offsets": np.array([0, 1, 2, 3, 5]), "bytes": text},
        {"offsets": np.array([0, 3, 2, 3, 4]), "bytes": text},
        {"offsets": np.array([-1, 1, 2, 3, 4]), "bytes": text},
        {"offsets": np.array([0, 1, 2, 4]), "bytes": text},
        {"offsets": np.array([0, 1, 2, 3, 4]), "bytes": np.frombuffer(b"abc\xff", np.uint8)},
        {},
    ):
        with pytest.raises(CorruptBundleError):
            pn.VectorIndex.from_bytes(with_ids(**sections))


def test_bad_input_is_named():
    vectors = drawn(20, 4)
    vectors[13, 2] = np.nan
    with pytest.raises(InvalidArgumentError, match="row 13, column 2: NaN"):
        pn.VectorIndex().fit(vectors)
    with pytest.raises(InvalidArgumentError, match="row 1, column 0: infinite"):
        pn.VectorIndex().fit([[1.0, 2.0], [1e300, 0.0]])
    good = drawn(20, 4)
    for call, part in (
        (lambda: pn.VectorIndex("tree").fit(good), "choose one of: auto, flat, hnsw, ivf"),
        (lambda: pn.VectorIndex(storage="int4").fit(good), "choose one of: float32, int8"),
        (lambda: pn.VectorIndex(metric="dot").fit(good), "choose one of: ip, l2, cosine"),
        (lambda: pn.VectorIndex(threads=0).fit(good), "threads"),
        (lambda: pn.VectorIndex(seed=-1).fit(good), "seed"),
        (lambda: pn.VectorIndex().fit(good[0]), "two dimensions"),
        (lambda: pn.VectorIndex().fit([["a", "b"]]), "must be numbers"),
        (lambda: pn.VectorIndex().fit(np.zeros((0, 4))), "no vectors"),
        (lambda: pn.VectorIndex().fit(good, ids=[1, 2]), "2 ids for 20 vectors"),
        (lambda: pn.VectorIndex().fit(good, ids=[*range(19), 3]), "3 comes more than once"),
        (lambda: pn.VectorIndex().fit(good, ids=[*range(19), "x"]), "row 0|row 19"),
        (lambda: pn.VectorIndex().fit(good).search(good[:, :3], 1), "3 columns"),
        (lambda: pn.VectorIndex().fit(good).search(good, 1, allow=np.ones(3, bool)), "mask"),
        (lambda: pn.VectorIndex().fit(good).search(good, 1, allow="abc"), "list of ids"),
        (lambda: pn.VectorIndex().set_params(links=3), "no parameter 'links'"),
    ):
        with pytest.raises(InvalidArgumentError, match=part):
            call()
    with pytest.raises(NotFittedError):
        pn.VectorIndex().search(good, 1)
    unfitted = pickle.loads(pickle.dumps(pn.VectorIndex("hnsw", m=7)))
    assert unfitted.get_params()["m"] == 7


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 20),
    st.integers(1, 70),
    st.sampled_from(METRICS),
    st.integers(0, 5),
)
def test_flat_orders_as_its_scores_say(rows, columns, k, metric, seed):
    # Few values, so that ties are many.
    random = np.random.default_rng(seed)
    vectors = random.integers(-1, 2, (rows, columns)).astype(np.float32)
    queries = random.integers(-1, 2, (3, columns)).astype(np.float32)
    ids, scores = pn.VectorIndex("flat", metric).fit(vectors).search(queries, k)
    there = min(k, rows)
    for q in range(3):
        pairs = list(zip((-scores[q, :there]).tolist(), ids[q, :there].tolist(), strict=True))
        assert pairs == sorted(pairs)
        assert len(set(ids[q, :there].tolist())) == there
    if metric != "cosine":
        truth = brute_force(metric, vectors, queries)
        order = np.lexsort((np.broadcast_to(np.arange(rows), truth.shape), -truth))[:, :there]
        assert np.array_equal(ids[:, :there], order)
