"""``pn.evaluate``: how good is a model on what people did next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant._progress import Progress
from penchant.errors import InvalidArgumentError
from penchant.models._evaluable import told_of

from ._folding import Folding
from ._truth import AucAgainst, Subjects, UnknownItems, gather_truth
from .report import Interval, Report

if TYPE_CHECKING:
    from penchant.data.dataset import Dataset

DEFAULT_METRICS = (
    "map@10",
    "ndcg@10",
    "recall@20",
    "precision@10",
    "mrr",
    "hit_rate@10",
    "auc",
    "coverage@10",
    "novelty@10",
)

_RESAMPLES = 1000


def evaluate(
    model: Any,
    test: Any,
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    exclude_seen: bool = True,
    fold_in: bool | float | Dataset = False,
    confidence: float = 0.95,
    seed: int = 0,
    subjects: Subjects = "known",
    unknown_items: UnknownItems = "drop",
    auc_against: AucAgainst = "unseen",
    threads: int | None = None,
    name: str | None = None,
    progress: bool | None = None,
) -> Report:
    """Rank the full catalogue for every test subject and say how good the lists are.

    Nothing is sampled. A pair (subject, item) of the test data counts once, however often it
    occurs there. Values are the same bits at any number of threads.

    Parameters
    ----------
    model : fitted model or Pipeline
    test : Dataset
        What happened after (or beside) the training data.
    metrics : sequence of str
        ``map@k``, ``ndcg@k``, ``recall@k``, ``precision@k``, ``hit_rate@k``, ``mrr`` or ``mrr@k``,
        ``auc``, ``coverage@k``, ``novelty@k``. Definitions: ``docs/metrics.md``.
    exclude_seen : bool, default True
        Items of a subject's training history are in none of the lists, and test pairs that repeat
        a training pair are no truth. When False, repeats are truth like the rest.
    fold_in : bool, float or Dataset, default False
        Strong generalization: what the model is told of the test subjects. True folds in 80% of
        each one's pairs (drawn pair by pair with `seed`) and evaluates on the rest; a number
        between 0 and 1 is another share; a Dataset is folded in whole, and all of `test` is
        evaluated. Nothing that training learned of a subject is used. Only for models that can
        fold in; hold people out with ``pn.splits.by_user``.
    confidence : float, default 0.95
        Of the percentile bootstrap intervals (1,000 resamples of the subjects).
    seed : int, default 0
        Of the resampling, and of what `fold_in` draws.
    subjects : {"known", "all", "new"}, default "known"
        Those that training has seen, all, or only those that it has not. Somebody new is evaluated
        by the attributes that `test` has of them (`Dataset.from_events(subjects=...)`), else on the
        model's fallback.
    unknown_items : {"drop", "count"}, default "drop"
        Test items that training has not seen: leave them out of the truth, or let them count as
        right items that no list can hold.
    auc_against : {"unseen", "all"}, default "unseen"
        What the AUC holds the truth against: the items that the subject has neither in training
        nor in the truth, or all items that are not in the truth (only with
        ``exclude_seen=False``: what was bought before and not again then counts as wrong).
    threads : int, optional
        All the machine has by default.
    name : str, optional
        How the report calls the model.
    progress : bool, optional
        Show a progress bar. None: in a terminal or a notebook only. Ctrl-C stops either way.

    Returns
    -------
    Report

    Raises
    ------
    InvalidArgumentError
        On an unknown metric, or when nobody is left to evaluate.
    NotFittedError
        When the model is not fitted.
    """
    from penchant import _core

    names = list(dict.fromkeys(_core.metric_name(metric) for metric in _listed(metrics)))
    _check_choice("subjects", subjects, ("known", "all", "new"))
    _check_choice("unknown_items", unknown_items, ("drop", "count"))
    _check_choice("auc_against", auc_against, ("unseen", "all"))
    if auc_against == "all" and exclude_seen:
        raise InvalidArgumentError(
            "auc_against='all' needs exclude_seen=False: masked items can't be wrong"
        )
    name = name or type(model).__name__
    folding = Folding.of(fold_in, test, seed)
    if folding is not None:
        model, test = folding.view(model), folding.test
    truth = gather_truth(
        model,
        test,
        exclude_seen=exclude_seen,
        subjects=subjects,
        unknown_items=unknown_items,
        auc_against=auc_against,
        folded=None if folding is None else folding.told,
    )
    said = told_of(test, model, truth.subject_ids)
    told = {} if said is None else {"told": said}
    with Progress(f"evaluate {name}", progress) as bar:
        values, per_subject = _core.evaluate(
            model._scorer(truth.subject_ids, exclude_seen=exclude_seen, **told),
            names,
            truth_offsets=truth.offsets,
            truth_items=truth.items,
            seen_offsets=truth.seen_offsets,
            seen_items=truth.seen_items,
            unknown_truth=truth.unknown,
            popularity=np.asarray(model._item_popularity(), dtype=np.float64),
            population=float(model._num_subjects),
            mask_seen=exclude_seen,
            seen_are_negatives=auc_against == "all",
            threads=threads or 0,
            progress=bar,
        )
    intervals = _core.bootstrap(
        per_subject,
        confidence=confidence,
        seed=seed,
        resamples=_RESAMPLES,
        threads=threads or 0,
    )
    return Report(
        name=name,
        intervals={
            metric: Interval(float(value), float(low), float(high))
            for metric, value, (_, low, high) in zip(names, values, intervals, strict=True)
        },
        protocol=truth.protocol,
        subject_ids=truth.subject_ids,
        subject_values=dict(zip(names, per_subject, strict=True)),
        confidence=confidence,
        seed=seed,
        frame_kind=getattr(test, "_kind", None),
    )


def _listed(metrics: Sequence[str]) -> list[str]:
    listed = [metrics] if isinstance(metrics, str) else list(metrics)
    if not listed:
        raise InvalidArgumentError("metrics is empty; ask for at least one, like 'map@10'")
    for metric in listed:
        if not isinstance(metric, str):
            raise InvalidArgumentError(f"a metric is a name like 'map@10', not {metric!r}")
    return listed


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        listed = " or ".join(repr(choice) for choice in choices)
        raise InvalidArgumentError(f"{name} is {value!r}; it must be {listed}")
