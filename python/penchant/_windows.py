"""The last windows of a training set, and sources that saw only what lies before each.

What a pipeline learns beside its sources (weights of the blend, a ranker) is learned here: asked
before a window, judged by what happened inside it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ._default_funnel import span_days
from .data.dataset import Dataset
from .models._base import Model

__all__ = ["FittedWindow", "FittedWindows", "known_truth", "lists_of", "windows_of"]

_DAY = 86_400 * 1_000_000
_WINDOW_DAYS = 28.0  # of one window, less on short logs
_WINDOW_SHARE = 0.2  # of the span, at most
_MOST_WINDOWS = 4
_FEWEST_EVENTS = 50  # before a window
_MOST_SUBJECTS = 2000  # a window; evenly spread over the ids beyond that
_OWN_SEED = 0x506970656C696E65


@dataclasses.dataclass(frozen=True)
class FittedWindow:
    """A window, and sources fitted on what lies before it and on nothing else."""

    before: Dataset
    inside: Dataset
    sources: list[Model]


class FittedWindows:
    """Windows from the end backwards, each fitted when it is first asked for and then kept.

    Parameters
    ----------
    train : Dataset
    sources_for
        Unfitted sources for a (shortened) training set.
    """

    def __init__(self, train: Dataset, sources_for: Callable[[Dataset], list[Model]]) -> None:
        self.template = sources_for(train)
        self._sources_for = sources_for
        self._pairs = windows_of(train)
        self._fitted: list[FittedWindow] = []

    def __iter__(self) -> Iterator[FittedWindow]:
        for at, (before, inside) in enumerate(self._pairs):
            if at == len(self._fitted):
                sources = self._sources_for(before)
                # Too short a log has other defaults; what is learned of them says nothing here.
                if len(sources) != len(self.template):
                    return
                for source in sources:
                    source.fit(before, progress=False)
                self._fitted.append(FittedWindow(before, inside, sources))
            yield self._fitted[at]


def windows_of(train: Dataset) -> list[tuple[Dataset, Dataset]]:
    """Pairs (what lies before a window, the window), the latest first."""
    last = train._core.last_time
    if last is None:
        return _held_out_pairs(train)
    width = int(min(_WINDOW_DAYS, _WINDOW_SHARE * span_days(train)) * _DAY)
    times = np.asarray(train._core.times)
    out = []
    end = last + 1
    for _ in range(_MOST_WINDOWS):
        start = end - width
        before = times < start
        inside = (times >= start) & (times < end)
        if width == 0 or before.sum() < _FEWEST_EVENTS:
            break
        end = start
        if inside.any():
            out.append((train._part(before, None), train._part(inside, None)))
    return out


def _held_out_pairs(train: Dataset) -> list[tuple[Dataset, Dataset]]:
    """A log without times: a fifth of each subject's items stand for its future."""
    if len(train) < _FEWEST_EVENTS:
        return []
    from .data import splits

    # Not a seed that anyone splits with: pairs that a split left in train would all stay there
    # again, and nothing would be held out.
    return [splits.random(train, test=_WINDOW_SHARE, seed=_OWN_SEED)]


def known_truth(engine: Any, inside: Dataset) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Known subjects of a window with the catalogue's items that they had to do with in it."""
    context = engine.context
    pairs = inside._core.interactions()
    offsets = np.asarray(pairs.offsets)
    ids = inside.subject_ids
    rows = np.flatnonzero(
        (np.asarray(context.subjects.find_all(ids)) >= 0) & (np.diff(offsets) > 0)
    )
    return lists_of(inside, rows, context.items)


def lists_of(
    inside: Dataset, rows: np.ndarray, catalogue: Any
) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Ids of these rows and the catalogue's items that they had to do with; evenly spread few."""
    pairs = inside._core.interactions()
    offsets = np.asarray(pairs.offsets)
    if len(rows) > _MOST_SUBJECTS:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST_SUBJECTS).astype(np.int64)]
    to_catalogue = np.asarray(catalogue.find_all(inside.item_ids))
    lists = []
    for row in rows:
        items = to_catalogue[np.asarray(pairs.items[offsets[row] : offsets[row + 1]])]
        lists.append(np.sort(items[items >= 0]).astype(np.int32))
    sizes = np.array([len(items) for items in lists], dtype=np.int64)
    flat = np.concatenate(lists) if lists else np.empty(0, dtype=np.int32)
    subjects = [i.item() if isinstance(i, np.generic) else i for i in inside.subject_ids[rows]]
    return subjects, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), flat
