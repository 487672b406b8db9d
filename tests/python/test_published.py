"""``pn.benchmark.published``: files in, published rows beside ours out, clear errors."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import numpy as np
import pytest

import penchant as pn
from penchant.benchmark import PROTOCOLS, read_split
from penchant.errors import BadDataError, InvalidArgumentError


def split(seed: int = 0) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Forty people, thirty items, a quarter of each one's items held out."""
    rng = np.random.default_rng(seed)
    train, test = {}, {}
    for user in range(40):
        items = rng.choice(30, size=12, replace=False).tolist()
        train[user], test[user] = items[3:], items[:3]
    train[0] += [i for i in range(30) if i not in train[0] + test[0]]  # every item is known
    return train, test


def write_lists(folder: Path) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    train, test = split()
    for name, part in (("train", train), ("test", test)):
        lines = [" ".join(map(str, [user, *items])) for user, items in part.items()]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n\n")
    return train, test


def write_columns(folder: Path, separator: str, header: str | None) -> None:
    train, test = split()
    for name, part in (("train", train), ("test", test)):
        lines = [
            separator.join(map(str, [user, item, 4.5, 1_000_000 + 60 * at]))
            for user, items in part.items()
            for at, item in enumerate(items)
        ]
        text = "\n".join([*([header] if header else []), *lines]) + "\n"
        (folder / f"{name}.dat.gz").write_bytes(gzip.compress(text.encode()))


def test_published_rows_stand_beside_ours(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train, test = write_lists(tmp_path)
    als = pn.ALS(factors=8, iterations=3)
    with caplog.at_level(logging.WARNING, logger="penchant"):
        frame = pn.benchmark.published(
            "gowalla", tmp_path, model={"mine": als, "popular": pn.Popular()}
        )
    assert len(frame) == 5
    assert frame["recall@20"].is_monotonic_decreasing
    theirs = frame[~frame["ours"]].set_index("model")
    assert theirs.loc["SimpleX", ["recall@20", "ndcg@20"]].tolist() == [0.1872, 0.1557]
    assert theirs["source"].str.len().min() > 20
    assert theirs["fit_seconds"].isna().all()
    mine = frame[frame["model"] == "mine"].iloc[0]
    assert mine["recall_low"] <= mine["recall@20"] <= mine["recall_high"]
    assert "not on the published split: 40 subjects, 30 items" in mine["source"]
    assert "can't be compared" in caplog.text
    # The same by hand, on lists of what was not in train.
    model = pn.ALS(factors=8, iterations=3).fit(read_split(tmp_path)[0])
    lists = model.recommend([str(user) for user in train], k=20)
    hits = [
        len({str(i) for i in test[user]} & set(lists[lists["subject"] == str(user)]["item"])) / 3
        for user in train
    ]
    assert mine["recall@20"] == pytest.approx(np.mean(hits), abs=1e-12)
    with pytest.raises(pn.errors.NotFittedError):  # copies were fitted
        als.recommend("0")


@pytest.mark.parametrize(
    ("separator", "header"), [("::", None), (",", "user,item,rating,time"), ("\t", None)]
)
def test_columns_say_the_same_as_lists(tmp_path: Path, separator: str, header: str | None) -> None:
    lists, columns = tmp_path / "lists", tmp_path / "columns"
    lists.mkdir()
    columns.mkdir()
    write_lists(lists)
    write_columns(columns, separator, header)
    for a, b in zip(read_split(lists)[:2], read_split(columns)[:2], strict=True):
        assert a.subject_ids.tolist() == b.subject_ids.tolist()
        assert a.item_ids.tolist() == b.item_ids.tolist()
        assert (a.to_csr("binary") != b.to_csr("binary")).nnz == 0
        assert a.time_range is None
        assert b.time_range is not None


def test_one_file_is_split_here_and_says_so(tmp_path: Path) -> None:
    train, test = split()
    rows = [f"{u}::{i}::5::{978300000 + i}" for p in (train, test) for u in p for i in p[u]]
    (tmp_path / "ratings.dat").write_text("\n".join(rows))
    *parts, own = read_split(tmp_path, seed=3)
    assert own
    assert parts[0].num_events + parts[1].num_events == len(rows)
    frame = pn.benchmark.published("ml-1m", tmp_path, model=pn.Popular(), format="polars")
    assert "draw of our own" in frame.filter(frame["ours"])["source"][0]


def test_the_published_split_is_known_by_its_counts() -> None:
    assert set(PROTOCOLS) == {"ml-1m", "gowalla", "amazon-cds"}
    for protocol in PROTOCOLS.values():
        assert protocol.rows
        for row in protocol.rows:
            assert 0 < row.ndcg < row.recall < 1
            assert row.source


def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path) -> None:
    def run(name: str = "gowalla", **options: object) -> None:
        pn.benchmark.published(name, tmp_path, model=pn.Popular(), **options)

    with pytest.raises(InvalidArgumentError, match=r"no protocol .*amazon-cds, gowalla, ml-1m"):
        run("netflix")
    with pytest.raises(InvalidArgumentError, match="is not a folder"):
        pn.benchmark.published("gowalla", tmp_path / "nowhere", model=pn.Popular())
    with pytest.raises(InvalidArgumentError, match=r"needs train.txt and test.txt.*found nothing"):
        run()
    with pytest.raises(InvalidArgumentError, match="layout"):
        run(layout="rows")
    (tmp_path / "train.txt").write_text("1 2 3\n")
    with pytest.raises(InvalidArgumentError, match="none of test"):
        run()
    test = tmp_path / "test.txt"
    for text, what in [("", "empty"), ("1\n2\n", "no line names an item"),
                       ("1 2\n3,4\n", "line 2: expected 'user item"),
                       ("1,2,5,now\n1,2,5,then\n", "line 1: the time 'now'"),
                       ("1,2\n,4\n", "line 2: expected user, item")]:  # fmt: skip
        test.write_text(text)
        with pytest.raises(BadDataError, match=what):
            run()
    test.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadDataError, match="not a text file"):
        run()
    test.unlink()
    (tmp_path / "test.txt.gz").write_bytes(b"not gzip")
    with pytest.raises(BadDataError, match="not a text file"):
        run()
