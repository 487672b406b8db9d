"""Learning a policy from a log, and whether it is better than the one that made it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BadDataError, InvalidArgumentError, NotFittedError
from ..evaluation._text import format_number
from ._estimate import Estimate, mean_estimate
from ._inputs import read_log
from .reward_model import RewardModel, _contexts

__all__ = ["Improvement", "PolicyLearner", "improves"]

_Reals = npt.NDArray[np.float64]
_METHODS = ("ips", "dr")


class PolicyLearner:
    """A policy as a weighted classifier of contexts into actions.

    Maximizes sum_i sum_a s_i(a) log pi(a | x_i), a lower bound (up to a constant) of the value that
    off-policy estimates give to pi; s_i(a) is

    - ``ips``: r_i / logged_i at the action taken, else 0 (Strehl, Langford, Li & Kakade, "Learning
      from logged implicit exploration data", 2010): a row a round;
    - ``dr``: q(x_i, a), and at the action taken (r_i - q) / logged_i more (Dudik, Langford & Li,
      "Doubly robust policy evaluation and learning", 2011), less the row's least: a row a round
      and action, far less variance.

    Parameters
    ----------
    method : {"dr", "ips"}
    estimator : classifier, optional
        With ``sample_weight`` and ``predict_proba``; boosted trees by default.
    reward_model : RewardModel, optional
        Of dr; by default cross-fitted boosted trees.
    clip : float
        The largest 1 / logged.
    seed : int
        Of the reward model's folds.

    Attributes
    ----------
    actions_ : int
    classifier_ : the fitted estimator
    """

    def __init__(
        self,
        method: str = "dr",
        *,
        estimator: Any = None,
        reward_model: RewardModel | None = None,
        clip: float = 100.0,
        seed: int = 0,
    ) -> None:
        self.method = method
        self.estimator = estimator
        self.reward_model = reward_model
        self.clip = clip
        self.seed = seed

    def fit(
        self,
        contexts: npt.ArrayLike,
        action: npt.ArrayLike,
        reward: npt.ArrayLike,
        logged: npt.ArrayLike,
        *,
        actions: int | None = None,
    ) -> PolicyLearner:
        """Learn from a log; return self.

        Parameters
        ----------
        contexts : [rounds, features]
        action : [rounds] of int
        reward : [rounds]
            Only differences count: the least is taken for 0.
        logged : [rounds]
            The logging policy's probability of the action taken.
        actions : int, optional
            How many there are; by default one more than the largest.

        Raises
        ------
        InvalidArgumentError, BadDataError
        """
        if self.method not in _METHODS:
            raise InvalidArgumentError(f"PolicyLearner: method must be ips or dr: {self.method!r}")
        X = _contexts(contexts)
        done = np.asarray(action)
        if done.dtype.kind not in "iu" or done.shape != (len(X),):
            raise InvalidArgumentError(f"PolicyLearner: action must be integers, [{len(X)}]")
        self.actions_ = int(done.max()) + 1 if actions is None else int(actions)
        earned, inverse = self._checked(done, reward, logged)
        if self.method == "ips":
            rows, label, weight = np.arange(len(X)), done, (earned - earned.min()) * inverse
        else:
            scores = self._scores(X, done, earned, inverse)
            scores -= scores.min(axis=1, keepdims=True)
            rows, label = np.divmod(np.arange(scores.size), self.actions_)
            weight = scores.ravel()
        kept = weight > 0
        if not kept.any():
            raise BadDataError("PolicyLearner: all rewards are alike; nothing to learn")
        label, weight = label[kept], weight[kept] / weight[kept].mean()
        self.labels_ = np.unique(label)
        self.classifier_ = None
        if len(self.labels_) > 1:
            classifier = self._new()
            classifier.fit(X[rows[kept]], label, sample_weight=weight)
            self.classifier_ = classifier
        return self

    def predict_proba(self, contexts: npt.ArrayLike) -> _Reals:
        """Return the learned probabilities [rounds, actions], as they maximize the bound.

        Raises
        ------
        NotFittedError
        """
        if not hasattr(self, "labels_"):
            raise NotFittedError("PolicyLearner: call fit first")
        X = _contexts(contexts)
        out = np.zeros((len(X), self.actions_))
        found = (
            np.ones((len(X), 1))
            if self.classifier_ is None
            else np.asarray(self.classifier_.predict_proba(X), dtype=np.float64)
        )
        out[:, self.labels_] = found / found.sum(axis=1, keepdims=True)
        return out

    def predict(self, contexts: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the best action of each context, [rounds]."""
        return self.predict_proba(contexts).argmax(axis=1)

    def target(self, contexts: npt.ArrayLike, *, epsilon: float = 0.0) -> _Reals:
        """Return the policy to judge or to serve [rounds, actions]: the best action.

        Parameters
        ----------
        contexts : [rounds, features]
        epsilon : float
            Share of the probability that is dealt evenly to all, so that its own log can be used.

        Raises
        ------
        InvalidArgumentError, NotFittedError
        """
        if not 0 <= epsilon <= 1:
            raise InvalidArgumentError(f"PolicyLearner: epsilon must be from 0 to 1: {epsilon!r}")
        best = self.predict(contexts)
        out = np.full((len(best), self.actions_), epsilon / self.actions_)
        out[np.arange(len(best)), best] += 1 - epsilon
        return out

    def _checked(self, done: npt.NDArray[Any], reward: Any, logged: Any) -> tuple[_Reals, _Reals]:
        ones = np.full((len(done), self.actions_), 1 / self.actions_)
        log = read_log(ones, action=done, reward=reward, logged=logged)
        from .estimators import estimate_log

        estimate_log(log, ["ips"], quiet=True)  # checks every number
        if not self.clip > 0:
            raise InvalidArgumentError(f"PolicyLearner: clip must be above 0: {self.clip!r}")
        assert log.reward is not None
        return log.reward, np.minimum(1 / log.propensity, self.clip)

    def _scores(
        self, X: _Reals, done: npt.NDArray[np.int64], earned: _Reals, inverse: _Reals
    ) -> _Reals:
        model = self.reward_model or RewardModel(seed=self.seed)
        q = model.fit_predict(X, done, earned, actions=self.actions_)
        rows = np.arange(len(X))
        q[rows, done] += (earned - q[rows, done]) * inverse
        return q

    def _new(self) -> Any:
        if self.estimator is not None:
            return deepcopy(self.estimator)
        from ..ranking.gbdt_classifier import GBDTClassifier

        return GBDTClassifier(trees=60, leaves=15, learning_rate=0.1, seed=0)


@dataclass(frozen=True, repr=False)
class Improvement:
    """Is the target policy better than the one that made the log? True when the bound is above 0.

    Attributes
    ----------
    difference : Estimate
        Of the target's value less the logging policy's, round by round on the same log.
    lower_bound : float
        What the difference is above, one-sided.
    logging_value : float
        The log's mean reward.
    confidence : float
    method : str
    """

    difference: Estimate
    lower_bound: float
    logging_value: float
    confidence: float
    method: str

    def __bool__(self) -> bool:
        return self.lower_bound > 0

    def __repr__(self) -> str:
        verdict = "better than" if self else "not shown to be better than"
        return (
            f"{verdict} the logging policy: {format_number(self.difference.value, signed=True)} a "
            f"round on {format_number(self.logging_value)}, above "
            f"{format_number(self.lower_bound, signed=True)} with {self.confidence:.4g} confidence "
            f"({self.method})"
        )


def improves(
    action: npt.ArrayLike,
    reward: npt.ArrayLike,
    logged: npt.ArrayLike,
    target: npt.ArrayLike,
    q: npt.ArrayLike | None = None,
    *,
    position: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    method: str = "student_t",
    value_range: tuple[float, float] | None = None,
) -> Improvement:
    """Check that a policy beats the one that made the log, before anyone sees it.

    The estimate is doubly robust with ``q``, else ips, and is compared round by round with what the
    log earned, so that what both policies have in common cancels. (Thomas, Theocharous &
    Ghavamzadeh, "High confidence policy improvement", 2015.) Judge a learned policy by rounds that
    it was not learned from.

    Parameters
    ----------
    action, reward, logged, target, q, position
        As of `estimate`.
    confidence : float
        Of the lower bound, one-sided.
    method : {"student_t", "bernstein", "hoeffding"}
    value_range : (least, most), optional
        Within which any round's difference must be; see `Estimate.lower_bound`.

    Returns
    -------
    Improvement
        True when the bound is above 0.

    Raises
    ------
    InvalidArgumentError, BadDataError

    Warns
    -----
    OffPolicyWarning
        As `estimate` does.
    """
    from .estimators import estimate_log

    log = read_log(target, action=action, reward=reward, logged=logged, q=q, position=position)
    name = "ips" if log.q is None else "doubly_robust"
    whole = estimate_log(log, [name])[name]
    assert log.reward is not None
    weight = log.taken(log.target) / log.propensity
    values = weight * log.reward
    if log.q is not None:
        chances = log.table_at_positions(log.target)
        fitted = log.table_at_positions(log.q)
        direct = (chances * fitted).sum(axis=1) / chances.sum(axis=1)
        values = direct + weight * (log.reward - log.taken(log.q))
    difference = mean_estimate(
        f"{name} less the log",
        values - log.reward,
        confidence=confidence,
        interval="student_t",
        seed=0,
        resamples=1,
        effective_sample_size=whole.effective_sample_size,
        warnings=whole.warnings,
    )
    return Improvement(
        difference=difference,
        lower_bound=difference.lower_bound(confidence, method, value_range),
        logging_value=float(log.reward.mean()),
        confidence=confidence,
        method=method,
    )
