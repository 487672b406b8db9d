"""A funnel as a file: the same bytes however it was made, and nothing else is served."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from funnels import answers, dataset
from penchant import _core, errors

# files --------------------------------------------------------------------------------------------


def test_saving_is_the_same_bytes_again_and_again(small_bundle: Any, tmp_path: Path) -> None:
    first = small_bundle.bundle.read_bytes()
    assert small_bundle.pipeline.to_bytes() == first
    loaded = pn.load(small_bundle.bundle)
    loaded.save(tmp_path / "again.penchant")
    assert (tmp_path / "again.penchant").read_bytes() == first
    assert pn.load(str(tmp_path / "again.penchant")).to_bytes() == first
    assert answers(loaded, small_bundle) == answers(small_bundle.pipeline, small_bundle)
    for name in ("weights_", "validation_", "lineage_", "version", "exclude_seen", "quota", "seed"):
        assert getattr(loaded, name) == getattr(small_bundle.pipeline, name)


def test_a_pickle_is_the_same_funnel(small_bundle: Any) -> None:
    for pipeline in (small_bundle.pipeline, pn.load(small_bundle.bundle)):
        again = pickle.loads(pickle.dumps(pipeline))
        assert again.to_bytes() == pipeline.to_bytes()
        assert answers(again, small_bundle) == answers(pipeline, small_bundle)
    unfitted = pickle.loads(pickle.dumps(pn.Pipeline(quota=9)))
    assert unfitted.quota == 9
    with pytest.raises(errors.NotFittedError):
        unfitted.recommend("a")


def test_saving_over_the_file_that_is_read_is_safe(small_bundle: Any, tmp_path: Path) -> None:
    path = tmp_path / "shop.penchant"
    small_bundle.pipeline.save(path)
    loaded = pn.load(path)
    other = pn.Pipeline([pn.Popular()]).fit(small_bundle.data)
    other.save(path)
    assert answers(loaded, small_bundle) == answers(small_bundle.pipeline, small_bundle)
    assert pn.load(path).to_bytes() == other.to_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["shop.penchant"]


def places(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "no such folder" / "shop.penchant"
    (tmp_path / "folder.penchant").mkdir()
    yield tmp_path / "folder.penchant"
    if Path("/proc/self").exists():
        yield Path("/proc/shop.penchant")  # a folder that not even root may write to
    if os.geteuid() != 0:
        (tmp_path / "read-only").mkdir(mode=0o555)
        yield tmp_path / "read-only" / "shop.penchant"


def test_where_nothing_can_be_written_it_says_so(small_bundle: Any, tmp_path: Path) -> None:
    for place in places(tmp_path):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(errors.PenchantIOError, match=re.escape(str(place))):
            small_bundle.pipeline.save(place)
        assert sorted(tmp_path.rglob("*")) == before


def test_a_disk_that_fills_up_leaves_the_old_file(small_bundle: Any, tmp_path: Path) -> None:
    path = tmp_path / "shop.penchant"
    path.write_bytes(b"the old file")
    script = (
        "import resource, sys, penchant as pn\n"
        "shop = pn.load(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n    shop.save(sys.argv[2])\n"
        "except pn.errors.PenchantIOError as error:\n    sys.exit(str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, small_bundle.bundle, path], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert str(tmp_path) in done.stderr
    assert path.read_bytes() == b"the old file"
    assert [p.name for p in tmp_path.iterdir()] == ["shop.penchant"]


# goldens ------------------------------------------------------------------------------------------


def rewritten(bundle: Path, changes: dict[str, Callable[[np.ndarray], np.ndarray]]) -> bytes:
    """The bundle with some sections changed and every checksum right."""
    reader = _core.BundleReader.open(str(bundle))
    writer = _core.BundleWriter()
    for section in reader.sections:
        values = np.array(reader.array(section["name"]))
        writer.add(section["name"], changes.get(section["name"], lambda same: same)(values))
    return writer.to_bytes(reader.lineage_json)


def replaced(old: bytes, new: bytes) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        raw = values.tobytes()
        assert old in raw
        return np.frombuffer(raw.replace(old, new, 1), np.uint8)

    return change


def test_a_bundle_that_does_not_keep_its_promises_is_refused(
    small_bundle: Any, tmp_path: Path
) -> None:
    path = tmp_path / "shop.penchant"
    path.write_bytes(rewritten(small_bundle.bundle, {}))
    assert pn.load(path).to_bytes() == small_bundle.bundle.read_bytes()
    assert pn.inspect(path)["goldens"] == 20
    changes: dict[str, dict[str, Callable[[np.ndarray], np.ndarray]]] = {
        "an answer's order": {"goldens/answers": replaced(b'\\"rank\\":2', b'\\"rank\\":3')},
        "a request": {"goldens/requests": replaced(b'\\"k\\":5', b'\\"k\\":6')},
        "a vector": {"sources/0/item_factors": lambda v: np.roll(v, 1, axis=0)},
        "a popularity": {"context/popularity": lambda v: v[::-1]},
        "a history": {"context/history/counts": lambda v: v + 1},
    }
    for what, change in changes.items():
        path.write_bytes(rewritten(small_bundle.bundle, change))
        assert pn.inspect(path)["sections"], what  # every checksum is right
        with pytest.raises(errors.CorruptBundleError, match="golden"):
            pn.load(path)


# the same bits ------------------------------------------------------------------------------------


def test_the_same_bundle_at_any_number_of_threads_and_in_any_order(
    small_events: pd.DataFrame, small_catalog: pd.DataFrame, small_bundle: Any
) -> None:
    made = [
        pn.Pipeline(
            [type(s)(**{**s.get_params(), **({"threads": n} if hasattr(s, "threads") else {})})
             for s in small_bundle.pipeline.sources],
            threads=n,
        ).fit(small_bundle.data).to_bytes()
        for n in (1, 2, 8)
    ]  # fmt: skip
    shuffled = small_events.sample(frac=1, random_state=5)
    again = dataset(shuffled, catalog=small_catalog)
    made.append(pn.Pipeline(small_bundle.pipeline.sources).fit(again).to_bytes())
    assert set(made) == {small_bundle.bundle.read_bytes()}


def test_the_default_funnel_is_the_same_bundle_too(small_data: pn.Dataset) -> None:
    made = {pn.Pipeline(threads=n).fit(small_data).to_bytes() for n in (1, 2, 8, None)}
    assert len(made) == 1


def test_served_bytes_on_every_instruction_set(small_bundle: Any) -> None:
    best = _core.simd_target()
    expected = answers(small_bundle.pipeline, small_bundle)
    assert len(_core.simd_targets()) >= 1
    try:
        for target in _core.simd_targets():
            _core.force_simd_target(target)
            assert _core.simd_target() == target
            # Loading replays the goldens on this instruction set, too.
            loaded = pn.load(small_bundle.bundle)
            assert answers(loaded, small_bundle) == expected, target
            assert answers(small_bundle.pipeline, small_bundle) == expected, target
    finally:
        _core.force_simd_target("best")
    assert _core.simd_target() == best
