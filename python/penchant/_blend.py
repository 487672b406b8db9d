"""How a pipeline learns what each of its sources counts, inside its training data alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _core
from ._default_funnel import prior_weights
from ._windows import FittedWindows, known_truth, lists_of, windows_of
from .data.dataset import Dataset
from .models._base import Model

__all__ = ["BlendWeights", "learn_cold_weights", "learn_weights"]

_ENOUGH_SUBJECTS = 200
_PRIOR_STRENGTH = 0.25


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
    fitted: FittedWindows,
    assemble: Callable[[Dataset, list[Model]], Any],
    *,
    threads: int = 0,
) -> BlendWeights:
    """Learn weights on the last windows of the training data.

    Subjects seen before a window are asked for, and what they did inside it is what is right.
    Windows are taken from the end backwards until `_ENOUGH_SUBJECTS` are gathered. With nothing to
    learn from, the prior stands.

    Parameters
    ----------
    assemble
        An engine over a training set and its fitted sources.
    """
    template = fitted.template
    problems = {repeats: _core.BlendProblem(len(template)) for repeats in (True, False)}
    windows = 0
    for window in fitted:
        engine = assemble(window.before, window.sources)
        subjects, offsets, items = known_truth(engine, window.inside)
        for repeats, problem in problems.items():
            problem.add(engine, subjects, offsets, items, not repeats, threads)
        windows += 1
        if problems[True].rows >= _ENOUGH_SUBJECTS:
            break
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
    for before, inside in windows_of(train):
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
    return lists_of(inside, rows, before._core.items)
