"""How a pipeline learns what each of its sources counts, inside its training data alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _core
from ._default_funnel import prior_weights, span_days
from .data.dataset import Dataset
from .models._base import Model

__all__ = ["BlendWeights", "learn_cold_weights", "learn_weights"]

_DAY = 86_400 * 1_000_000
_WINDOW_DAYS = 28.0  # of one validation window, less on short logs
_WINDOW_SHARE = 0.2  # of the span, at most
_MOST_WINDOWS = 4
_ENOUGH_SUBJECTS = 200
_FEWEST_EVENTS = 50  # before a window
_MOST_SUBJECTS = 2000  # a window; evenly spread over the ids beyond that
_PRIOR_STRENGTH = 0.25
_OWN_SEED = 0x506970656C696E65


@dataclasses.dataclass(frozen=True)
class BlendWeights:
    """Weights by source for both regimes, and how well they did on the validation windows.

    Attributes
    ----------
    repeats, new : list of float
        Where what was seen may be shown again, and where it may not.
    validation : dict
        ``subjects``, ``windows`` and NDCG@20 before and after learning, by regime.
    cold : list of float or None
        Where there is no history; None: the other regimes hold there, too.
    """

    repeats: list[float]
    new: list[float]
    validation: dict[str, Any]
    cold: list[float] | None = None


def learn_weights(
    train: Dataset,
    sources_for: Callable[[Dataset], list[Model]],
    assemble: Callable[[Dataset, list[Model]], Any],
    *,
    threads: int = 0,
) -> BlendWeights:
    """Learn weights on the last windows of `train`.

    For each window, sources are made and fitted on what lies before it; subjects seen before it
    are asked for, and what they did inside it is what is right. Windows are taken from the end
    backwards until `_ENOUGH_SUBJECTS` are gathered. With nothing to learn from, the prior stands.

    Parameters
    ----------
    sources_for
        Unfitted sources for a (shortened) training set.
    assemble
        An engine over a training set and its fitted sources.
    """
    count = len(sources_for(train))
    problems = {True: _core.BlendProblem(count), False: _core.BlendProblem(count)}
    windows = 0
    for before, inside in _windows(train):
        sources = sources_for(before)
        if len(sources) != count:
            break
        for source in sources:
            source.fit(before, progress=False)
        engine = assemble(before, sources)
        subjects, offsets, items = _truth(engine, inside)
        for repeats, problem in problems.items():
            problem.add(engine, subjects, offsets, items, not repeats, threads)
        windows += 1
        if problems[True].rows >= _ENOUGH_SUBJECTS:
            break
    template = sources_for(train)
    learned: dict[bool, list[float]] = {}
    validation: dict[str, Any] = {"windows": windows}
    for repeats, problem in problems.items():
        prior = prior_weights(template, repeats=repeats)
        weights = _core.learn_blend(problem, prior, _PRIOR_STRENGTH, threads)
        learned[repeats] = weights
        validation["repeats" if repeats else "new"] = {
            "subjects": problem.rows,
            "ndcg@20_prior": problem.objective(prior, threads),
            "ndcg@20": problem.objective(weights, threads),
        }
    return BlendWeights(learned[True], learned[False], validation)


def learn_cold_weights(
    train: Dataset,
    prior: list[float],
    sources_for: Callable[[Dataset], list[Model]],
    assemble: Callable[[Dataset, list[Model]], Any],
    *,
    threads: int = 0,
) -> tuple[list[float], dict[str, Any]]:
    """Learn weights for people without a history on those who were new in a window.

    They are asked for with what `train` knows of them beside events, and nothing else. `prior`,
    `sources_for` and `assemble` are of the sources that can answer then.

    Returns
    -------
    weights, validation
        As `learn_weights` has them for a regime.
    """
    problem = _core.BlendProblem(len(prior))
    for before, inside in _windows(train):
        newcomers, offsets, items = _newcomers(before, inside)
        if not len(newcomers):
            continue
        sources = sources_for(before)
        for source in sources:
            source.fit(before, progress=False)
        told = inside.filter(subjects=newcomers)
        problem.add(
            assemble(before, sources), newcomers, offsets, items, True, threads,
            told._person_table(),
        )  # fmt: skip
        if problem.rows >= _ENOUGH_SUBJECTS:
            break
    weights = _core.learn_blend(problem, prior, _PRIOR_STRENGTH, threads)
    return weights, {
        "subjects": problem.rows,
        "ndcg@20_prior": problem.objective(prior, threads),
        "ndcg@20": problem.objective(weights, threads),
    }


def _newcomers(before: Dataset, inside: Dataset) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Subjects of a window whom nobody saw before it, with the known items they took in it."""
    if inside._people is None:
        return [], np.zeros(1, np.int64), np.empty(0, np.int32)
    pairs = inside._core.interactions()
    new = np.asarray(before._core.subjects.find_all(inside.subject_ids)) < 0
    rows = np.flatnonzero(new & (np.diff(np.asarray(pairs.offsets)) > 0))
    return _lists(inside, rows, before._core.items)


def _windows(train: Dataset) -> list[tuple[Dataset, Dataset]]:
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


def _truth(engine: Any, inside: Dataset) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Known subjects of a window with the catalogue's items that they had to do with in it."""
    context = engine.context
    pairs = inside._core.interactions()
    offsets = np.asarray(pairs.offsets)
    ids = inside.subject_ids
    rows = np.flatnonzero(
        (np.asarray(context.subjects.find_all(ids)) >= 0) & (np.diff(offsets) > 0)
    )
    return _lists(inside, rows, context.items)


def _lists(
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
