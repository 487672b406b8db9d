"""A bandit problem whose best decisions are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penchant.errors import InvalidArgumentError
from penchant.simulate.bandit_config import BanditConfig
from penchant.simulate.bandit_logging import LoggingPolicy, fit_logging_policy
from penchant.simulate.bandit_rows import Rows
from penchant.simulate.bandit_run import Trace, run
from penchant.simulate.bandit_truth import Truth

__all__ = ["BanditWorld"]


def _draw_waits(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return -np.log1p(-generator.random(shape))


def _draw_uniform(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return generator.random(shape)


class BanditWorld:
    """Contexts, arms and rewards by round; made by `bandit` and `from_classification`.

    Everything is a function of the seed and the round: what is asked, in which order and how
    often doesn't matter. Wherever `rounds` is asked for, a whole number is the round of the first
    row (the others follow), an array names the round of each row.

    Attributes
    ----------
    arms : list
        Ids of the arms.
    arm_features : float64 [a, p] or None
        Attributes of the arms, which their worth partly follows from (`BanditConfig.sharing`).
    dimension : int
        Columns of a context.
    slate : int
        Positions filled in each round.
    examination : float64 [slate]
        Chance that a position is looked at.
    config : BanditConfig or None
        The knobs; None where rows of a data set are the world.
    truth : object
        What the rewards follow from.
    """

    def __init__(
        self,
        arms: Sequence[Any],
        truth: Truth,
        *,
        dimension: int,
        arm_features: np.ndarray | None = None,
        config: BanditConfig | None = None,
        seed: int = 0,
    ) -> None:
        self.arms, self.truth, self.config = list(arms), truth, config
        self.dimension, self.arm_features, self.seed = dimension, arm_features, seed
        self.slate = config.slate if config else 1
        decay = config.position_decay if config else 0.0
        self.examination = (1.0 + np.arange(self.slate)) ** -decay
        self._delay = config.delay if config else 0.0
        self._index = {arm: i for i, arm in enumerate(self.arms)}
        if len(self._index) < len(self.arms):
            raise InvalidArgumentError("an arm is named twice; ids of arms are distinct")
        self._waits = Rows(seed, "waits", 1, _draw_waits)
        self._looks = Rows(seed, "looks", self.slate, _draw_uniform)

    def __repr__(self) -> str:
        kind = self.config.kind if self.config else "classification"
        words = [f"{kind}, {len(self.arms):,} arms, {self.dimension} columns, seed {self.seed}"]
        if self.config:
            words += [
                f"{name} {value}"
                for name in ("drift", "change_every", "delay")
                if (value := getattr(self.config, name))
            ]
        if self.slate > 1:
            words.append(f"slates of {self.slate}")
        return f"BanditWorld({', '.join(words)})"

    def contexts(self, n: int, rounds: int | np.ndarray = 0) -> np.ndarray:
        """Return the contexts of `n` rounds: float64 [n, d]."""
        return self.truth.contexts(_rounds(rounds, n))

    def expected(self, contexts: np.ndarray, rounds: int | np.ndarray = 0) -> np.ndarray:
        """Return the mean reward of every arm, where it is looked at: float64 [n, a].

        Any contexts will do, not only those that `contexts` draws, but where rows of a data set
        are the world. O(n a d).
        """
        contexts = self._checked(contexts)
        return self.truth.expected(contexts, _rounds(rounds, len(contexts)))

    def best(self, contexts: np.ndarray, rounds: int | np.ndarray = 0) -> np.ndarray:
        """Return the ids of the best arms: [n], or [n, slate] by position; ties by order."""
        top = best_actions(self.expected(contexts, rounds), self.slate)
        return self.ids_of(top if self.slate > 1 else top[:, 0])

    def reward(self, contexts: np.ndarray, arm: Any, rounds: int | np.ndarray = 0) -> np.ndarray:
        """Return what the chosen arms earn: float64, of the shape of `arm`.

        Parameters
        ----------
        contexts : float64 [n, d]
        arm : ids [n] or [n, slate]
            By position, where slates are filled. An arm earns the same in a round whatever else
            is asked, and in a slate nothing where its position isn't looked at.
        rounds : int or int64 [n]
        """
        contexts = self._checked(contexts)
        asked = _rounds(rounds, len(contexts))
        action = self.index_of(arm).reshape(len(contexts), -1)
        if action.shape[1] > self.slate:
            raise InvalidArgumentError(
                f"arms of {action.shape[1]} positions; this world has {self.slate}"
            )
        table = self.truth.rewards(self.truth.expected(contexts, asked), asked)
        earned = np.take_along_axis(table, action, axis=1)
        earned *= self.looked_at(asked)[:, : action.shape[1]]
        return earned.reshape(np.shape(arm))

    def arrival(self, n: int, rounds: int | np.ndarray = 0) -> np.ndarray:
        """Return the round after which the rewards of each round are known: int64 [n]."""
        asked = _rounds(rounds, n)
        if not self._delay:
            return asked.copy()
        return asked + (self._delay * self._waits.take(asked)[:, 0]).astype(np.int64)

    def value(
        self, target: np.ndarray, contexts: np.ndarray, rounds: int | np.ndarray = 0
    ) -> float:
        """Return the true mean reward of a policy that shows one arm a round.

        Parameters
        ----------
        target : float64 [n, a]
            Its probabilities.
        contexts : float64 [n, d]
        rounds : int or int64 [n]
        """
        expected = self.expected(contexts, rounds)
        if np.shape(target) != expected.shape:
            raise InvalidArgumentError(
                f"target has the shape {np.shape(target)}; it is a probability for each of "
                f"{expected.shape[0]} rounds and {expected.shape[1]} arms"
            )
        return float((np.asarray(target) * expected).sum(axis=1).mean())

    def run(self, policy: Any, rounds: int, batch: int = 1, **options: Any) -> Trace:
        """Let a policy decide and learn; see `bandit_run.run` for the options."""
        return run(self, policy, rounds, batch, **options)

    def logging_policy(
        self, *, sharpness: float = 1.0, floor: float = 0.1, sample: int = 500, seed: int = 0
    ) -> LoggingPolicy:
        """Make a fixed policy whose logs have true propensities.

        ``world.run(world.logging_policy(), rounds, batch=1000)`` is such a log. It shows arm a
        with chance ``floor / a + (1 - floor) * softmax(sharpness * z)[a]``, z being what a ridge
        regression on `sample` rounds thinks of the arms, in deviations.

        Parameters
        ----------
        sharpness : float
            0 shows all alike; a negative one prefers what is bad.
        floor : float
            Share of decisions made uniformly; above 0, every arm has support.
        sample : int
            Contexts learned from, all arms' rewards seen, as the world is at round 0.
        seed : int
            Of its draws.
        """
        return fit_logging_policy(self, sharpness=sharpness, floor=floor, sample=sample, seed=seed)

    def index_of(self, arm: Any) -> np.ndarray:
        """Return the places of ids in `arms`: int64, of the shape of `arm`."""
        arm = np.asarray(arm)
        try:
            found = [self._index[each] for each in arm.ravel().tolist()]
        except KeyError as error:
            raise InvalidArgumentError(f"{error.args[0]!r} is not an arm of this world") from None
        return np.array(found, np.int64).reshape(arm.shape)

    def ids_of(self, action: np.ndarray) -> np.ndarray:
        """Return the ids at places in `arms`, of the shape of `action`."""
        return np.asarray(self.arms)[action]

    def looked_at(self, rounds: np.ndarray) -> np.ndarray:
        """Return which positions are looked at in each round: bool [n, slate]."""
        if self.slate == 1:
            return np.ones((len(rounds), 1), bool)
        return self._looks.take(rounds) < self.examination

    def _checked(self, contexts: np.ndarray) -> np.ndarray:
        contexts = np.asarray(contexts, np.float64)
        if contexts.ndim != 2 or contexts.shape[1] != self.dimension:
            raise InvalidArgumentError(
                f"contexts have the shape {contexts.shape}; it is [n, {self.dimension}]"
            )
        return contexts


def best_actions(expected: np.ndarray, slate: int) -> np.ndarray:
    """Return the places of the `slate` best arms, best first: int64 [n, slate]."""
    if slate == 1:
        return expected.argmax(axis=1)[:, None]
    return np.argsort(-expected, axis=1, kind="stable")[:, :slate]


def _rounds(rounds: int | np.ndarray, n: int) -> np.ndarray:
    """Return the round of each of `n` rows."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
        raise InvalidArgumentError(f"n is {n!r}; it is a number of rounds, 0 or more")
    asked = np.asarray(rounds)
    if asked.dtype.kind not in "iu" and asked.size:
        raise InvalidArgumentError("rounds are whole numbers")
    asked = asked.astype(np.int64)
    if asked.ndim == 0:
        asked = asked + np.arange(n, dtype=np.int64)
    elif asked.shape != (n,):
        raise InvalidArgumentError(f"rounds have the shape {asked.shape}; there are {n} rows")
    if n and asked.min() < 0:
        raise InvalidArgumentError(f"round {asked.min()} is below 0")
    return asked
