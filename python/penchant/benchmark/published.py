"""``pn.benchmark.published``: a public protocol on your copy of its data, others' rows beside."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.data import splits
from penchant.data._frames import make_frame
from penchant.data.dataset import Dataset
from penchant.errors import InvalidArgumentError
from penchant.evaluation import evaluate

from . import _read
from ._protocols import PROTOCOLS, PublicProtocol

_LOG = logging.getLogger(__name__)
_METRICS = ("recall@20", "ndcg@20")
_OWN_TEST = 0.2  # of each subject's pairs, where the folder holds one file of everything


def published(
    name: str,
    folder: str | Path,
    *,
    model: Any,
    layout: _read.Layout = "auto",
    seed: int = 0,
    format: str | None = None,  # noqa: A002
    progress: bool | None = None,
) -> Any:
    """Run a named public protocol and return the published figures beside ours.

    The protocol of the graph-network literature: train on the train file, rank the full catalogue
    for every subject of the test file with the train items masked, Recall@20 and NDCG@20 with
    binary relevance. Every pair counts 1.

    Parameters
    ----------
    name : {"ml-1m", "gowalla", "amazon-cds"}
    folder : path
        Holds ``train.txt`` and ``test.txt`` with lines of ``user item item …`` (or columns: user,
        item, rating, time). With one file of everything (``ratings.csv``, ``ratings.dat``,
        ``u.data``) a fifth of each subject's pairs is drawn as the test, and the rows say that it
        is not the published split.
    model : estimator, or dict of str to estimator
        Fitted here, on copies.
    layout : {"auto", "lists", "columns"}
        How lines are to be read: "auto" takes commas, tabs and ``::`` for columns.
    seed : int
        Of the draw and of the intervals.
    format : {"pandas", "polars", "pyarrow"}, optional
    progress : bool, optional

    Returns
    -------
    frame
        ``model, recall@20, recall_low, recall_high, ndcg@20, ndcg_low, ndcg_high, fit_seconds,
        ours, source``, best recall first. Intervals are ours alone.

    Raises
    ------
    InvalidArgumentError
        On an unknown name, or a folder that holds no split.
    BadDataError
        On a file that can't be read.
    """
    protocol = _protocol(name)
    train, test, own_split = read_split(folder, layout=layout, seed=seed)
    source = _source(protocol, train, test, own_split)
    rows = [
        _row(
            each.model, (each.recall, None, None), (each.ndcg, None, None), None, False, each.source
        )
        for each in protocol.rows
    ]
    models = model if isinstance(model, Mapping) else {f"penchant {type(model).__name__}": model}
    for title, each in models.items():
        fresh = _copy_of(each)
        started = time.perf_counter()
        fresh.fit(train, progress=progress)
        seconds = time.perf_counter() - started
        report = evaluate(
            fresh,
            test,
            _METRICS,
            subjects="all",
            unknown_items="count",
            seed=seed,
            name=title,
            progress=progress,
        )
        figures = [
            (report[metric].value, report[metric].low, report[metric].high) for metric in _METRICS
        ]
        rows.append(_row(title, figures[0], figures[1], seconds, True, source))
    rows.sort(key=lambda row: -row["recall@20"])
    return make_frame({column: [row[column] for row in rows] for column in rows[0]}, format)


def read_split(
    folder: str | Path, *, layout: _read.Layout = "auto", seed: int = 0
) -> tuple[Dataset, Dataset, bool]:
    """Read a folder's split: train, test, and whether the draw is ours instead of the folder's.

    Raises
    ------
    InvalidArgumentError, BadDataError
        As `published` does.
    """
    if layout not in ("auto", "lists", "columns"):
        raise InvalidArgumentError(f"layout is {layout!r}; it must be auto, lists or columns")
    first, second = _read.find_parts(Path(folder))
    data = _read.dataset(_read.read(first, layout))
    if second is not None:
        return data, _read.dataset(_read.read(second, layout)), False
    train, test = splits.random(data, test=_OWN_TEST, seed=seed)
    return train, test, True


def _protocol(name: str) -> PublicProtocol:
    if name not in PROTOCOLS:
        raise InvalidArgumentError(
            f"no protocol is called {name!r}; there are {', '.join(sorted(PROTOCOLS))}"
        )
    return PROTOCOLS[name]


def _copy_of(model: Any) -> Any:
    """Return an unfitted twin, so that the caller's own stays as it is."""
    if hasattr(model, "get_params"):
        return type(model)(**copy.deepcopy(model.get_params(deep=False)))
    return copy.deepcopy(model)


def _source(protocol: PublicProtocol, train: Dataset, test: Dataset, own_split: bool) -> str:
    """Say in our rows whether this is the published split."""
    subjects = len({*train.subject_ids.tolist(), *test.subject_ids.tolist()})
    items = len({*train.item_ids.tolist(), *test.item_ids.tolist()})
    pairs = train._core.interactions().nnz + test._core.interactions().nnz
    if own_split:
        told = "measured here on a draw of our own, not on the published split"
    elif (subjects, items, pairs) != (protocol.subjects, protocol.items, protocol.pairs):
        told = (
            f"measured here, not on the published split: {subjects:,} subjects, {items:,} items, "
            f"{pairs:,} pairs instead of {protocol.subjects:,}, {protocol.items:,}, "
            f"{protocol.pairs:,}"
        )
    else:
        return "measured here"
    _LOG.warning("%s: %s; the rows can't be compared", protocol.title, told)
    return told


def _row(
    model: str, recall: Any, ndcg: Any, seconds: float | None, ours: bool, source: str
) -> dict[str, Any]:
    return {
        "model": model,
        "recall@20": recall[0],
        "recall_low": recall[1],
        "recall_high": recall[2],
        "ndcg@20": ndcg[0],
        "ndcg_low": ndcg[1],
        "ndcg_high": ndcg[2],
        "fit_seconds": seconds,
        "ours": ours,
        "source": source,
    }
