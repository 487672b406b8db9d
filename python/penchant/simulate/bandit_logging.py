"""A fixed policy that knows a little, to make logs with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.errors import InvalidArgumentError
from penchant.simulate.bandit_rows import Rows

if TYPE_CHECKING:
    from penchant.simulate.bandit_world import BanditWorld

__all__ = ["FixedDecisions", "LoggingPolicy", "fit_logging_policy"]

_RIDGE = 1.0


@dataclass(frozen=True)
class FixedDecisions:
    """What was chosen, and with which chance.

    Attributes
    ----------
    arm : ids [n] or [n, k]
    propensity : float64, of the same shape
        In a slate: given the positions before it.
    """

    arm: np.ndarray
    propensity: np.ndarray


def _draw_uniform(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return generator.random(shape)


class LoggingPolicy:
    """Chooses by fixed chances, and learns nothing.

    Parameters
    ----------
    arms : list
        Ids; the only ones that it can be asked about.
    weights : float64 [d + 1, a]
        What it thinks of the arms, in deviations; the last row is the constant.
    sharpness, floor : float
        As of `BanditWorld.logging_policy`.
    seed : int
        Decision i draws row i of one stream, so the same sequence of questions has the same
        answers.
    """

    def __init__(
        self, arms: list[Any], weights: np.ndarray, *, sharpness: float, floor: float, seed: int
    ) -> None:
        if not 0 <= floor <= 1:
            raise InvalidArgumentError(f"floor is {floor}; it is from 0 to 1")
        if not math.isfinite(sharpness):
            raise InvalidArgumentError(f"sharpness is {sharpness}; it is a finite number")
        self._arms, self._weights = list(arms), weights
        self._sharpness, self._floor = sharpness, floor
        self._rows = Rows(seed, "logging policy", len(arms), _draw_uniform)
        self._asked = 0

    def probabilities(self, contexts: np.ndarray, arms: list[Any] | None = None) -> np.ndarray:
        """Return the chance of each arm to be shown first: float64 [n, a]."""
        self._check(arms)
        scores = self._sharpness * (contexts @ self._weights[:-1] + self._weights[-1])
        scores -= scores.max(axis=1, keepdims=True)
        chance = np.exp(scores)
        chance /= chance.sum(axis=1, keepdims=True)
        result: np.ndarray = self._floor / len(self._arms) + (1 - self._floor) * chance
        return result

    def decide(
        self, contexts: np.ndarray, arms: list[Any] | None = None, *, k: int = 1
    ) -> FixedDecisions:
        """Draw an arm for each context, or `k` different ones in turn."""
        rest = self.probabilities(contexts, arms)
        if not 1 <= k <= len(self._arms):
            raise InvalidArgumentError(f"k is {k}; it is from 1 to {len(self._arms)}")
        n = len(contexts)
        draws = self._rows.take(np.arange(self._asked, self._asked + n))
        self._asked += n
        action = np.empty((n, k), np.int64)
        propensity = np.empty((n, k))
        every = np.arange(n)
        for position in range(k):
            sums = np.cumsum(rest, axis=1)
            point = draws[:, position] * sums[:, -1]
            place = np.minimum((sums <= point[:, None]).sum(axis=1), rest.shape[1] - 1)
            action[:, position] = place
            propensity[:, position] = rest[every, place] / sums[:, -1]
            rest[every, place] = 0.0
        ids = np.asarray(self._arms)
        if k == 1:
            return FixedDecisions(ids[action[:, 0]], propensity[:, 0])
        return FixedDecisions(ids[action], propensity)

    def update(
        self, contexts: np.ndarray, arm: Any, reward: np.ndarray, propensity: Any = None
    ) -> None:
        """Learn nothing: what is logged stays the work of one policy."""

    def _check(self, arms: list[Any] | None) -> None:
        if arms is not None and list(arms) != self._arms:
            raise InvalidArgumentError("a logging policy is asked about its own arms, in order")


def fit_logging_policy(
    world: BanditWorld, *, sharpness: float, floor: float, sample: int, seed: int
) -> LoggingPolicy:
    """Fit ridge regressions to `sample` rounds of which every arm's reward is seen."""
    if isinstance(sample, bool) or not isinstance(sample, int) or sample < 1:
        raise InvalidArgumentError(f"sample is {sample!r}; it is a number of rounds, 1 or more")
    contexts, rewards = world.truth.sample(sample)
    inputs = np.c_[contexts, np.ones(sample)]
    penalty = _RIDGE * np.eye(inputs.shape[1])
    penalty[-1, -1] = 1e-9  # the constant is free
    weights = np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ rewards)
    deviation = float((inputs @ weights).std())
    return LoggingPolicy(
        world.arms,
        weights / (deviation or 1.0),
        sharpness=sharpness,
        floor=floor,
        seed=seed,
    )
