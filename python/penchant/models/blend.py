"""Several models as one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from .. import _core
from .._progress import Progress
from ..data import splits
from ..data.dataset import Dataset
from ..errors import InvalidArgumentError
from ._base import Model

__all__ = ["Blend"]

_FEWEST_EVENTS = 50  # below, there is nothing to hold out: all models count alike
_PRIOR_STRENGTH = 0.05
_OWN_SEED = 0x426C656E64000000
_STEPS = [4.0, 2.0, 1.4142135, 1.1892071]


class Blend(Model):
    """A weighted sum of models' scores, the weights learned from what each subject took beside.

    `fit` holds out a part of each subject's own items, fits the models on the rest, finds the
    weights that rank the held-out part best, and fits the models again on everything. Scores are
    standardized for each subject before they are added: less their mean, by their standard
    deviation over the whole catalogue, the subject's own items included. A model that turns out to
    count nothing is left out of what is served.

    Parameters
    ----------
    models : list of models
        Unfitted, 1 to 16; they are cloned, not changed.
    valid : float or str
        What is held out: a share of each subject's items (0.2), or the end of the log ("28d").
    metric : str
        What the weights maximize: ``ndcg@k``, ``recall@k`` or ``map@k``, seen items masked.
    seed : int
        Of the share that is held out.
    threads : int, optional
        For the weights; None: all cores. The models have their own. The result does not depend
        on it.

    Attributes
    ----------
    weights_ : list of float
        One a model, in their order, the largest 1.
    validation_ : dict
        ``subjects``, and the metric of each model alone (``alone``), of equal weights (``equal``)
        and of the learned ones (``learned``) on what was held out.
    """

    def __init__(
        self,
        models: list[Model] | None = None,
        valid: float | str = 0.2,
        metric: str = "ndcg@20",
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.models = models
        self.valid = valid
        self.metric = metric
        self.seed = seed
        self.threads = threads

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:
        members = self._members()
        total = 2 * len(members) + 1
        progress(0, total)
        problem = _core.RankingProblem(len(members), self._metric())
        held_out = self._held_out(data)
        if held_out is not None:
            before, after = held_out
            inner = _core.Context(before._core, before._person_table())
            fitted = []
            for done, member in enumerate(self._members(), 1):
                fitted.append(_trained(member, before, inner))
                progress(done, total)
            people, offsets, items = _truth(inner, after)
            problem.add(fitted, inner.history, people, offsets, items, inner.as_of, self._threads())
            del fitted
        equal = [1.0] * len(members)
        weights = _core.learn_weights(problem, equal, _PRIOR_STRENGTH, _STEPS, self._threads())
        progress(len(members) + 1, total)
        served = []
        for done, (member, weight) in enumerate(zip(members, weights, strict=True), 1):
            if weight > 0:
                served.append((_trained(member, data, context), weight))
            progress(len(members) + 1 + done, total)
        alone = [
            [1.0 if other == one else 0.0 for other in range(len(members))]
            for one in range(len(members))
        ]
        validation = {
            "subjects": problem.rows,
            "alone": [problem.objective(only, self._threads()) for only in alone],
            "equal": problem.objective(equal, self._threads()),
            "learned": problem.objective(weights, self._threads()),
        }
        # Only now: a fit that is interrupted leaves everything as it was.
        self.weights_: list[float] = list(weights)
        self.validation_: dict[str, Any] = validation
        return _core.blend_models([model for model, _ in served], [weight for _, weight in served])

    def _members(self) -> list[Model]:
        """New, unfitted models with the parameters of those given."""
        models = self.models
        if not isinstance(models, (list, tuple)) or not models:
            raise InvalidArgumentError(f"Blend: models must be a list of models, not {models!r}")
        for model in models:
            if not isinstance(model, Model):
                raise InvalidArgumentError(
                    f"Blend: models must be Penchant models, not {type(model).__name__}"
                )
        return [type(model)(**model.get_params()) for model in models]

    def _metric(self) -> str:
        if not isinstance(self.metric, str):
            self._refuse("metric", "be a text like 'ndcg@20'")
        return self.metric

    def _held_out(self, data: Dataset) -> tuple[Dataset, Dataset] | None:
        self._check_kinds(seed=True)
        if isinstance(self.valid, (str, dt.timedelta)):
            try:
                return splits.temporal(data, test=self.valid)
            except InvalidArgumentError as error:
                raise InvalidArgumentError(f"Blend: valid: {error}") from None
        if (
            isinstance(self.valid, bool)
            or not isinstance(self.valid, (int, float, np.number))
            or not 0 < self.valid < 1
        ):
            self._refuse("valid", "be a share between 0 and 1, or a text like '28d'")
        if len(data) < _FEWEST_EVENTS:
            return None
        # A split draws by the seed and the ids alone. With the caller's own seed, what
        # splits.random left in train would all stay in train again: nothing would be held out.
        seed = (int(self.seed) + _OWN_SEED) % 2**64
        before, after = splits.random(data, test=float(self.valid), seed=seed)
        return (before, after) if len(after) else None


def _trained(member: Model, data: Dataset, context: Any) -> Any:
    """The core's model; without a bar of its own, but Ctrl-C comes through."""
    return member._train(data, context, Progress(type(member).__name__, False))


def _truth(context: Any, after: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of known subjects with the catalogue's items that were held out of their history."""
    pairs = after._core.interactions()
    offsets = np.asarray(pairs.offsets)
    rows = np.asarray(context.subjects.find_all(after.subject_ids), dtype=np.int32)
    columns = np.asarray(context.items.find_all(after.item_ids), dtype=np.int32)
    people, lists = [], []
    for at in np.flatnonzero(rows >= 0):
        items = columns[np.asarray(pairs.items[offsets[at] : offsets[at + 1]])]
        people.append(rows[at])
        lists.append(np.sort(items[items >= 0]))
    sizes = np.array([len(items) for items in lists], dtype=np.int64)
    flat = np.concatenate(lists) if lists else np.empty(0, dtype=np.int32)
    return (
        np.array(people, dtype=np.int32),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        flat.astype(np.int32),
    )
