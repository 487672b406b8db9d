"""How a pipeline's ranker learns: from what earlier sources put forward, and what was then taken.

Sources are fitted on what lies before a window (`_windows`), asked for the people whom they know,
and the candidates become rows by the very function that serves (`_core.ranker_rows`); what people
did inside the window labels them. Nothing of a window reaches a feature of its rows.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from ._windows import FittedWindow, FittedWindows, known_truth
from .data._subjects import attribute_table
from .data.dataset import Dataset
from .errors import InvalidArgumentError
from .features._contexts import SaidContexts
from .models._features import Recipe, chosen_columns
from .ranking._calibration import Calibration
from .ranking._forest import Forest
from .ranking.calibrated import Calibrated
from .ranking.gbdt_classifier import GBDTClassifier
from .ranking.gbdt_ranker import GBDTRanker

__all__ = ["RankerPart", "RankerTable", "check_ranker", "item_attributes", "learn_ranker",
           "ranker_table", "ready_ranker"]  # fmt: skip

_ENOUGH_GROUPS = 6000  # windows are taken until there are as many
_FEWEST_GROUPS = 50  # fewer teach nothing: the order of the blend stands
_GROUPS_TO_HOLD_OUT = 400  # fewer are all needed for learning
_HELD_OUT = 0.2  # of the subjects, for early stopping
_PATIENCE = 20  # steps without a gain, where the ranker does not say
_JUDGED_AT = 10  # NDCG of the held-out groups


@dataclasses.dataclass(frozen=True)
class RankerPart:
    """What a bundle holds of a ranker.

    Attributes
    ----------
    forest : Forest
        With its calibration, where it has one.
    names : list of str
        Of its columns.
    attributes
        The core's table of the items' attributes, or None.
    depth : int
        Candidates, the best by the blend, that it puts in order.
    """

    forest: Forest
    names: list[str]
    attributes: Any
    depth: int

    def to_core(self) -> tuple[Any, list[str], Any, int, Any]:
        """The parts as the core takes them."""
        calibration = self.forest.calibration
        return (
            self.forest._core,
            self.names,
            self.attributes,
            self.depth,
            None if calibration is None else calibration._core,
        )


@dataclasses.dataclass(frozen=True)
class RankerTable:
    """Candidates of people before a window, and what they took inside it.

    Attributes
    ----------
    names : list of str
        Of the columns.
    values : [rows, features] float32 array
        A group's rows best first by the blend.
    labels : [rows] float32 array
        1: taken, 0: not.
    group_begin : [groups + 1] int64 array
    subject : [groups] int64 array
        Who was asked for: position in the ids of the whole training data.
    """

    names: list[str]
    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    group_begin: npt.NDArray[np.int64]
    subject: npt.NDArray[np.int64]

    @property
    def groups(self) -> int:
        """How many requests it holds."""
        return len(self.group_begin) - 1

    def group(self) -> npt.NDArray[np.int64]:
        """The group of each row."""
        return np.repeat(np.arange(self.groups), np.diff(self.group_begin))

    def taken(self) -> npt.NDArray[np.bool_]:
        """Whether anything of each group was taken."""
        counts = np.concatenate([[0], np.cumsum(self.labels > 0)])
        return np.asarray(np.diff(counts[self.group_begin]) > 0)

    def of_groups(self, chosen: npt.NDArray[np.bool_]) -> RankerTable:
        """The groups where `chosen` is true; of all of them the table itself, without a copy."""
        if chosen.all():
            return self
        rows = np.repeat(chosen, np.diff(self.group_begin))
        sizes = np.diff(self.group_begin)[chosen]
        begin = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return RankerTable(
            self.names, self.values[rows], self.labels[rows], begin, self.subject[chosen]
        )


def check_ranker(ranker: Any, depth: Any) -> None:
    """Refuse what can't be a pipeline's ranker.

    Raises
    ------
    InvalidArgumentError
    """
    if isinstance(depth, bool) or not isinstance(depth, (int, np.integer)) or depth < 1:
        raise InvalidArgumentError(f"Pipeline: depth must be 1 or more, not {depth!r}")
    if isinstance(ranker, Calibrated):
        if ranker._check_parameters():
            raise InvalidArgumentError(
                "Pipeline: ranker: Calibrated with cv='prefit' learns nothing here; give an "
                "integer cv, or the forest with its calibration (Calibrated.forest_)"
            )
    elif ranker is not None and not isinstance(ranker, (GBDTRanker, GBDTClassifier, Forest)):
        raise InvalidArgumentError(
            "Pipeline: ranker must be a GBDTRanker or GBDTClassifier to learn, one of these in a "
            f"Calibrated, or a Forest that is ready, not {type(ranker).__name__}"
        )


def item_attributes(data: Dataset, columns: list[str] | None = None) -> Any:
    """Numbers and categories of the items in the core's form, or None without any.

    Parameters
    ----------
    columns
        Which to take; None: those that look like numbers or categories.
    """
    table = data._attributes
    if table is None:
        return None
    if columns is None:
        columns = attribute_names(data)
    return attribute_table(table.select(columns), data.num_items) if columns else None


def attribute_names(data: Dataset) -> list[str]:
    """Columns of the items' attributes that become features."""
    if data._attributes is None:
        return []
    table = {
        name: data._attributes[name].combine_chunks() for name in data._attributes.column_names
    }
    kinds = chosen_columns(Recipe(text=[], vectors=[]), table)
    return [name for name in table if kinds.get(name) in ("numbers", "categories")]


def ranker_table(
    train: Dataset,
    windows: FittedWindows,
    assemble: Callable[[FittedWindow], Any],
    *,
    depth: int,
    keep_all: bool = False,
    threads: int = 0,
    enough: int = _ENOUGH_GROUPS,
    said: SaidContexts | None = None,
) -> RankerTable:
    """Build what a ranker learns from, for both regimes.

    Parameters
    ----------
    windows
        Taken from the latest on until there are `enough` groups of which something was taken.
    assemble
        An engine over a window's past, with the blend as it will serve.
    keep_all
        Also the groups of which nothing was taken: they say nothing of an order, but of how likely
        it is that something is.
    said
        What events said when they happened: the first of a subject's in a window speak for the
        request.
    """
    columns = attribute_names(train)
    names: list[str] = []
    parts: list[RankerTable] = []
    groups = 0
    for window in windows:
        engine = assemble(window)
        attributes = item_attributes(window.before, columns)
        names = names or _core.candidate_feature_names(engine, attributes)
        subjects, offsets, items = known_truth(engine, window.inside)
        places = np.asarray(train._core.subjects.find_all(np.asarray(subjects)), np.int64)
        requests: list[str] = []
        if said is not None:
            times = np.asarray(window.inside._core.times)
            requests = said.requests(int(times.min()), int(times.max()), subjects)
        for exclude_seen in (False, True):
            rows = _core.ranker_rows(
                engine, names, attributes, subjects, offsets, items, exclude_seen, depth,
                keep_all, threads, requests,
            )  # fmt: skip
            part = RankerTable(names, **{**rows, "subject": places[rows["subject"]]})
            parts.append(part)
            groups += int(part.taken().sum())
        if groups >= enough:
            break
    sizes = [np.diff(part.group_begin) for part in parts]
    return RankerTable(
        names,
        np.concatenate([part.values for part in parts]) if parts else np.empty((0, 0), "f4"),
        np.concatenate([part.labels for part in parts]) if parts else np.empty(0, "f4"),
        np.concatenate([[0], *sizes]).cumsum().astype(np.int64),
        np.concatenate([part.subject for part in parts]) if parts else np.empty(0, np.int64),
    )


def learn_ranker(
    ranker: GBDTRanker | GBDTClassifier | Calibrated,
    everything: RankerTable,
    *,
    seed: int = 0,
    progress: bool | None = None,
) -> tuple[Forest | None, dict[str, Any]]:
    """Fit a ranker of these parameters on a table.

    Where there are groups enough, those of a fifth of the people are held out, boosting stops when
    they no longer gain, and so many trees are then fitted on everything of which something was
    taken. A calibration is learned from all groups.

    Returns
    -------
    forest, validation
        None for the forest where there is too little to learn from.
    """
    learner = ranker.estimator if isinstance(ranker, Calibrated) else ranker
    table = everything.of_groups(everything.taken())
    facts: dict[str, Any] = {
        "groups": table.groups,
        "rows": len(table.labels),
        "taken": int(table.labels.sum()),
    }
    if table.groups < _FEWEST_GROUPS:
        return None, facts
    parameters = learner.get_params()
    if table.groups >= _GROUPS_TO_HOLD_OUT:
        held = np.isin(table.subject, _held_out(table.subject, seed))
        first, second = table.of_groups(~held), table.of_groups(held)
        patience = parameters["early_stopping"] or _PATIENCE
        watching = {**parameters, "early_stopping": patience}
        trial = _fitted(learner, watching, first, second, progress)
        order = trial.forest_.predict_raw(second.values, threads=parameters["threads"] or 0)
        name = f"ndcg@{_JUDGED_AT}"
        facts["held_out"] = {
            "groups": second.groups,
            f"{name}_blend": _ndcg(second, -second.values[:, _blend_rank(second)]),
            name: _ndcg(second, order),
        }
        parameters["trees"] = trial.best_iteration_
    model = _fitted(learner, {**parameters, "early_stopping": None}, table, None, progress)
    facts["trees"] = model.forest_.num_trees
    # With the columns' names, so that plots, exports and another funnel know them.
    forest = Forest({**model.forest_.to_arrays(), "feature_names": table.names})
    if isinstance(ranker, Calibrated):
        forest = forest.with_calibration(_calibrated(ranker, parameters, everything, progress))
        facts["calibration"] = {
            "groups": everything.groups,
            "rows": len(everything.labels),
            "taken": int(everything.labels.sum()),
        }
    return forest, facts


def _calibrated(
    wanted: Calibrated,
    parameters: dict[str, Any],
    table: RankerTable,
    progress: bool | None,
) -> Calibration:
    """From scores to probabilities, on people whom the trees that scored them have not seen."""
    parts = int(wanted.cv)
    people = np.unique(table.subject)
    if len(people) < parts:
        raise InvalidArgumentError(f"Pipeline: {len(people)} people for Calibrated(cv={parts})")
    random = np.random.Generator(np.random.Philox(int(wanted.seed)))
    part = (random.permutation(len(people)) % parts)[np.searchsorted(people, table.subject)]
    settings = {**parameters, "early_stopping": None}
    taken = table.taken()
    scores = np.empty(len(table.labels))
    for number in range(parts):
        held = part == number
        model = _fitted(wanted.estimator, settings, table.of_groups(taken & ~held), None, progress)
        rows = np.repeat(held, np.diff(table.group_begin))
        scores[rows] = model.forest_.predict_raw(
            table.values[rows], threads=settings["threads"] or 0
        )
    return Calibration.fit(scores, table.labels.astype(np.int32), method=wanted.method)


def ready_ranker(forest: Forest, engine: Any, train: Dataset, depth: int) -> RankerPart:
    """A forest that was made elsewhere, with its columns lined up by name.

    One without names must have a column a feature of this funnel, in their order. The core refuses
    names that the funnel has no feature for.

    Raises
    ------
    InvalidArgumentError
    """
    attributes = item_attributes(train)
    names = forest.feature_names
    if not names:
        names = _core.candidate_feature_names(engine, attributes)
        if len(names) != forest.num_features:
            raise InvalidArgumentError(
                f"Pipeline: the ranker's forest has {forest.num_features} columns without names, "
                f"this funnel {len(names)} features: {', '.join(names)}"
            )
    return RankerPart(forest, names, attributes, depth)


def _fitted(
    ranker: GBDTRanker | GBDTClassifier,
    parameters: dict[str, Any],
    table: RankerTable,
    held: RankerTable | None,
    progress: bool | None,
) -> Any:
    model: Any = type(ranker)(**parameters)
    model._show_progress = progress
    if isinstance(model, GBDTRanker):
        queries = None if held is None else (held.values, held.labels, held.group())
        return model.fit(table.values, table.labels, group=table.group(), eval_set=queries)
    watched = None if held is None else (held.values, held.labels)
    return model.fit(table.values, table.labels, eval_set=watched)


def _held_out(subjects: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """A fifth of the people: one never stands on both sides."""
    distinct = np.unique(subjects)
    shuffled = np.random.default_rng(seed).permutation(distinct)
    return shuffled[: max(1, round(_HELD_OUT * len(distinct)))]


def _blend_rank(table: RankerTable) -> int:
    return table.names.index("blend_rank")


def _ndcg(table: RankerTable, scores: npt.NDArray[Any]) -> float:
    """Mean NDCG of the groups, ties in the order of the rows."""
    begin = table.group_begin
    discounts = 1 / np.log2(np.arange(_JUDGED_AT) + 2)
    total = 0.0
    for first, end in itertools.pairwise(begin):
        labels = table.labels[first:end]
        best = np.argsort(-scores[first:end], kind="stable")[:_JUDGED_AT]
        ideal = np.sort(labels)[::-1][:_JUDGED_AT]
        gained = float(labels[best] @ discounts[: len(best)])
        total += gained / float(ideal @ discounts[: len(ideal)])
    return float(total / max(table.groups, 1))
