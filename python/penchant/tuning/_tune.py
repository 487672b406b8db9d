"""`pn.tune`: try parameters on a validation part of the training data, and fit with the best."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._progress import Progress
from ..data import splits
from ..data._times import duration_micros
from ..data.dataset import Dataset
from ..errors import InvalidArgumentError, PenchantError
from ..evaluation import evaluate
from ..evaluation.report import Interval
from ..models._base import Model
from ._proposer import Proposer
from ._space import Dimension, Doubling, checked_space
from ._study import Study

__all__ = ["tune"]

_TRIALS = 30  # when neither trials nor a budget is given


def tune(
    model: Model,
    train: Dataset,
    valid: str | dt.timedelta | float = "14d",
    metric: str = "ndcg@10",
    trials: int | None = None,
    budget: str | dt.timedelta | None = None,
    seed: int = 0,
    *,
    space: Mapping[str, Dimension] | None = None,
    exclude_seen: bool = True,
    storage: str | Path | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> Study:
    """Search for the parameters that are best on a part of `train` held out for that.

    Whatever test part there is, it is never seen: give `train` alone. The first trial is the model
    as given; the rest are proposed by Optuna's TPE sampler. Where a parameter is a `Doubling`
    (`factors` of ALS), half of the search happens at its smallest size and each doubling goes on
    from the best found, until one does not help. The best model is then fitted on all of `train`.

    Parameters
    ----------
    model : Model
        Gives the kind and every parameter that is not searched; it is left as it is.
    train : Dataset
    valid : str, timedelta or float
        The validation part: the last "14d" of `train`, or a share of each subject's items
        (0.2; for logs without times).
    metric : str
        To maximize: "ndcg@10", "map@10", "recall@20", ... (docs/metrics.md).
    trials : int, optional
        In all, those of a resumed search included; 30 when there is no budget either.
    budget : str or timedelta, optional
        Start no further trial after "10m". How many there are then depends on the machine.
    seed : int
        Of the proposals, and of a random validation part. Same data, seed and trials: same answer.
    space : mapping of str to Range, Choice or Doubling, optional
        What to search instead of `pn.tuning.default_space(model)`.
    exclude_seen : bool
        As in `pn.evaluate`: False for models of repeats.
    storage : path, optional
        A file that keeps the trials: the same call goes on where an earlier one stopped.
    threads : int, optional
        For fits and evaluations of the search. None: what the model says.
    progress : bool, optional
        None: in a terminal or a notebook only.

    Returns
    -------
    Study
        ``best_model, best_params, best_value, trials, frame, plot()``.

    Raises
    ------
    InvalidArgumentError
        When an argument makes no sense, the validation part would be empty, every trial failed, or
        `storage` holds another search.
    UnavailableError
        When Optuna is not installed.
    """
    search = _Search.of(model, train, valid, metric, space, exclude_seen, seed, threads)
    limit = _Limit.of(trials, budget)
    proposer = Proposer(search.space, seed=seed, identity=search.identity(), storage=storage)
    with Progress(f"tune {type(model).__name__}", progress) as bar:
        _run(search, proposer, limit, bar)
    ended = proposer.ended()
    best = _best(ended)
    if best is None:
        raise InvalidArgumentError(f"tune: every trial failed; the first: {ended[0]['error']}")
    chosen = {name: best["parameters"][name] for name in search.space}
    fitted = search.clone(chosen).fit(train, progress=progress)
    return Study(
        best_model=fitted,
        best_params=chosen,
        best_value=Interval(best["value"], best["low"], best["high"]),
        trials=ended,
        metric=metric,
        validation=str(search.valid_part.split),
        frame_kind=getattr(train, "_kind", None),
    )


@dataclass
class _Search:
    """What is tried, and on what."""

    model: Model
    train: Dataset
    fit_part: Dataset
    valid_part: Dataset
    metric: str
    space: dict[str, Dimension]
    exclude_seen: bool
    threads: int | None
    valid: str
    seed: int

    @classmethod
    def of(
        cls,
        model: Model,
        train: Dataset,
        valid: Any,
        metric: str,
        space: Mapping[str, Dimension] | None,
        exclude_seen: bool,
        seed: int,
        threads: int | None,
    ) -> _Search:
        if not isinstance(model, Model):
            raise InvalidArgumentError(
                f"tune wants a Penchant model like pn.ALS(), not {type(model).__name__}"
            )
        if not isinstance(train, Dataset):
            raise InvalidArgumentError(f"tune wants a Dataset, not {type(train).__name__}")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise InvalidArgumentError(f"tune: seed must be an integer from 0 up, not {seed!r}")
        searched = checked_space(model, space, train)
        if isinstance(valid, float):
            fit_part, valid_part = splits.random(train, test=valid, seed=seed)
        else:
            fit_part, valid_part = splits.temporal(train, test=valid)
        return cls(
            model,
            train,
            fit_part,
            valid_part,
            metric,
            searched,
            exclude_seen,
            threads,
            str(valid),
            seed,
        )

    def identity(self) -> dict[str, Any]:
        """What makes two searches the same one."""
        fixed = {
            name: repr(value)
            for name, value in self.model.get_params().items()
            if name != "threads"
        }
        return {
            "model": type(self.model).__name__,
            "parameters": fixed,
            "space": {name: repr(each) for name, each in self.space.items()},
            "data": self.train.hash,
            "validation part": [self.valid, self.exclude_seen],
            "metric": self.metric,
            "seed": self.seed,
        }

    def clone(self, chosen: Mapping[str, Any]) -> Model:
        return type(self.model)(**{**self.model.get_params(), **chosen})

    def measured(self, number: int, stage: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Fit and evaluate; a trial that can't be fitted is a failed one, not the end."""
        began = time.monotonic()
        record: dict[str, Any] = {"trial": number, "stage": stage, "parameters": dict(chosen)}
        try:
            candidate = self.clone(chosen)
            if self.threads is not None and "threads" in candidate.get_params():
                candidate.set_params(threads=self.threads)
            candidate.fit(self.fit_part, progress=False)
            report = evaluate(
                candidate,
                self.valid_part,
                [self.metric],
                exclude_seen=self.exclude_seen,
                threads=self.threads,
                progress=False,
            )
            found = report[next(iter(report))]
            record |= {"value": found.value, "low": found.low, "high": found.high, "error": None}
        except PenchantError as error:
            if number == 0:
                raise  # the model as given, or the metric: nothing to search with
            record |= {"value": None, "low": None, "high": None, "error": str(error)}
        return record | {"seconds": time.monotonic() - began}


@dataclass
class _Limit:
    trials: int | None
    seconds: float | None
    began: float

    @classmethod
    def of(cls, trials: int | None, budget: Any) -> _Limit:
        if trials is not None and (
            isinstance(trials, bool) or not isinstance(trials, int) or trials < 1
        ):
            raise InvalidArgumentError(f"tune: trials must be an integer from 1 up, not {trials!r}")
        seconds = None if budget is None else duration_micros(budget, "budget") / 1e6
        if trials is None and seconds is None:
            trials = _TRIALS
        return cls(trials, seconds, time.monotonic())

    def spent(self, ended: int) -> float:
        """How much of it is used up, 1 or more when it is all."""
        by_trials = ended / self.trials if self.trials else 0.0
        by_time = (time.monotonic() - self.began) / self.seconds if self.seconds else 0.0
        return max(by_trials, by_time)


def _best(ended: list[dict[str, Any]]) -> dict[str, Any] | None:
    good = [record for record in ended if record["value"] is not None]
    return max(good, key=lambda record: (record["value"], -record["trial"]), default=None)


def _run(search: _Search, proposer: Proposer, limit: _Limit, bar: Progress) -> None:
    stages = _stages(search)
    ended = proposer.ended()
    while (not ended) or limit.spent(len(ended)) < 1:
        _show(bar, search, limit, ended)
        if not ended:
            given = {name: search.model.get_params()[name] for name in search.space}
            proposer.record_given(given, search.measured(0, "given", given))
        else:
            stage, fixed, start = stages.next(ended, limit.spent(len(ended)))
            trial, chosen = proposer.propose(fixed, start)
            try:
                record = search.measured(len(ended), stage, chosen)
            except BaseException:
                proposer.forget(trial)
                raise
            proposer.finish(trial, record)
        ended = proposer.ended()
    _show(bar, search, limit, ended)


def _show(bar: Progress, search: _Search, limit: _Limit, ended: list[dict[str, Any]]) -> None:
    best = _best(ended)
    facts = {} if best is None else {search.metric: f"{best['value']:.4f}"}
    if limit.trials:
        bar(len(ended), limit.trials, **facts)
    else:
        done = int(time.monotonic() - limit.began)
        bar(min(done, int(limit.seconds or 1)), int(limit.seconds or 1), **facts)


class _Stages:
    """Which size a trial is at, and whether it starts from the best so far.

    The state is the list of trials alone, so that a resumed search goes on in the same way.
    """

    def __init__(self, name: str | None, sizes: list[int]) -> None:
        self._name = name
        self._sizes = sizes

    def next(
        self, ended: list[dict[str, Any]], spent: float
    ) -> tuple[str, dict[str, Any], dict[str, Any] | None]:
        """Return the stage's name, what it fixes, and what to start from (or None)."""
        if self._name is None:
            return "search", {}, None
        of_size = {
            size: [r for r in ended if r["stage"] == f"{self._name}={size}"] for size in self._sizes
        }
        reached = [size for size in self._sizes if of_size[size]] or self._sizes[:1]
        at = reached[-1]
        if self._time_to_double(reached, of_size, spent):
            at = self._sizes[len(reached)]
        elif self._did_not_help(reached, of_size):
            at = reached[-2]
        stage = f"{self._name}={at}"
        best = _best([r for size in self._sizes if size < at for r in of_size[size]])
        start = None
        if not of_size[at] and best is not None:
            start = {k: v for k, v in best["parameters"].items() if k != self._name}
        return stage, {self._name: at}, start

    def _time_to_double(
        self, reached: list[int], of_size: dict[int, list[Any]], spent: float
    ) -> bool:
        if len(reached) == len(self._sizes) or not of_size[reached[0]]:
            return False
        if self._did_not_help(reached, of_size):
            return False
        # Half of everything at the smallest size, the rest in equal parts.
        step = 0.5 / max(1, len(self._sizes) - 1)
        return spent >= 0.5 + step * (len(reached) - 1)

    @staticmethod
    def _did_not_help(reached: list[int], of_size: dict[int, list[Any]]) -> bool:
        if len(reached) < 2 or len(of_size[reached[-1]]) < 2:
            return False
        last = _best(of_size[reached[-1]])
        before = _best([r for size in reached[:-1] for r in of_size[size]])
        return last is None or (before is not None and last["value"] <= before["value"])


def _stages(search: _Search) -> _Stages:
    for name, each in search.space.items():
        if isinstance(each, Doubling):
            return _Stages(name, each.sizes())
    return _Stages(None, [])
