"""What a context and an arm are worth: scores of a linear or neural world, labels of rows.

A truth answers three questions for rounds t and contexts x:

    contexts(t) [n, d]     expected(x, t) [n, a]     rewards(expected, t) [n, a]

and gives a sample of the world at its beginning to those who are to know a little. The rewards are
of all arms, though a policy sees one of them. The score of arm a is

    linear, logistic   x . w_a(t)
    neural             tanh(g (x U + b)) . w_a(t) / sqrt(hidden),  U and b normal, g = 3

with w_a normal, partly a linear function of the arm's attributes (`sharing`), turning with the
round (`drift`) or drawn anew (`change_every`).
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from penchant.errors import InvalidArgumentError
from penchant.simulate.bandit_config import BanditConfig
from penchant.simulate.bandit_rows import Rows, on_grid
from penchant.simulate.streams import stream

__all__ = ["LabelTruth", "ScoreTruth", "Truth"]

_GAIN = 3.0  # of a neural world: a linear model explains two thirds of a unit
_WIDEST = 4.0  # normal numbers of contexts end here, in deviations
_FAR = 2**40  # rounds from here on are those of samples
_CHANCE = 2.0**32  # chances are multiples of its inverse: the last bit of an exponential is gone


class Truth(Protocol):
    """What `BanditWorld` asks of its truth."""

    def contexts(self, rounds: np.ndarray) -> np.ndarray:
        """Contexts of rounds [n]: float64 [n, d]."""

    def expected(self, contexts: np.ndarray, rounds: np.ndarray) -> np.ndarray:
        """Mean reward of each arm: float64 [n, a]."""

    def rewards(self, expected: np.ndarray, rounds: np.ndarray) -> np.ndarray:
        """Reward of each arm where the means are `expected`: float64 [n, a]."""

    def sample(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Contexts [n, d] and all arms' rewards [n, a] as at round 0, but of no round to come."""


def _draw_normal(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return generator.standard_normal(shape)


def _draw_uniform(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return generator.random(shape)


def _draw_contexts(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    normal = np.clip(generator.standard_normal(shape), -_WIDEST, _WIDEST)
    normal[:, 0] = 1.0
    return on_grid(normal / math.sqrt(shape[1]))


class ScoreTruth:
    """The truth of linear, logistic and neural worlds.

    Parameters
    ----------
    config : BanditConfig
    weights : float64 [a, d], optional
        Given weights of the arms instead of drawn ones; not for neural worlds.

    Attributes
    ----------
    arm_features : float64 [a, p]
        Attributes of the arms, normal, about one long.
    """

    def __init__(self, config: BanditConfig, weights: np.ndarray | None = None) -> None:
        self._config, self._given = config, weights
        self._inputs = config.hidden if config.kind == "neural" else config.dimension
        self.arm_features = self._normal("arm features", (config.arms, config.arm_dimension), 0)
        self.arm_features = on_grid(self.arm_features / math.sqrt(config.arm_dimension))
        self._hidden = on_grid(self._normal("hidden", (config.dimension, config.hidden), 0))
        self._bias = on_grid(self._normal("bias", (1, config.hidden), 0))
        self._kept: dict[tuple[str, int], np.ndarray] = {}
        self._contexts = Rows(config.seed, "contexts", config.dimension, _draw_contexts)
        draw = _draw_normal if config.kind == "linear" else _draw_uniform
        self._noise = Rows(config.seed, "rewards", config.arms, draw)

    def contexts(self, rounds: np.ndarray) -> np.ndarray:
        """Contexts of rounds [n]: float64 [n, d]."""
        return self._contexts.take(rounds)

    def expected(self, contexts: np.ndarray, rounds: np.ndarray) -> np.ndarray:
        """Mean reward of each arm: float64 [n, a]."""
        c = self._config
        assert c.base is not None
        assert c.strength is not None
        move = c.strength * self._scores(contexts, rounds)
        if c.kind == "linear":
            result: np.ndarray = c.base + move
            return result
        odds = math.log(c.base / (1 - c.base))
        return np.rint(_CHANCE / (1 + np.exp(-(odds + move)))) / _CHANCE

    def rewards(self, expected: np.ndarray, rounds: np.ndarray) -> np.ndarray:
        """Reward of each arm where the means are `expected`: float64 [n, a]."""
        noise = self._noise.take(rounds)
        if self._config.kind == "linear":
            result: np.ndarray = expected + self._config.noise * noise
            return result
        return (noise < expected).astype(np.float64)

    def sample(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Contexts [n, d] and all arms' rewards [n, a] as at round 0, but of no round to come."""
        far = np.arange(_FAR, _FAR + n)
        contexts = self.contexts(far)
        return contexts, self.rewards(self.expected(contexts, np.zeros_like(far)), far)

    def weights(self, epoch: int = 0, *, turned: bool = False) -> np.ndarray:
        """Weights of the arms [a, inputs] of an epoch, or what they are after a quarter turn."""
        if self._given is not None and epoch == 0 and not turned:
            return self._given
        name = "turned weights" if turned else "weights"
        found = self._kept.get((name, epoch))
        if found is None:
            c = self._config
            shared = on_grid(
                self._normal(f"{name} of features", (self._inputs, c.arm_dimension), epoch)
            )
            own = self._normal(name, (c.arms, self._inputs), epoch)
            follows = self.arm_features @ shared.T
            found = on_grid(math.sqrt(c.sharing) * follows + math.sqrt(1 - c.sharing) * own)
            if len(self._kept) > 8:
                self._kept.clear()
            self._kept[name, epoch] = found
        return found

    def _scores(self, contexts: np.ndarray, rounds: np.ndarray) -> np.ndarray:
        if not self._config.change_every:
            return self._scores_of_epoch(contexts, rounds, 0)
        epochs = rounds // self._config.change_every
        result = np.empty((len(rounds), self._config.arms))
        for epoch in np.unique(epochs):
            mine = epochs == epoch
            result[mine] = self._scores_of_epoch(contexts[mine], rounds[mine], int(epoch))
        return result

    def _scores_of_epoch(self, contexts: np.ndarray, rounds: np.ndarray, epoch: int) -> np.ndarray:
        c = self._config
        inputs = contexts
        if c.kind == "neural":
            units = on_grid(np.tanh(_GAIN * (contexts @ self._hidden + self._bias)))
            inputs = on_grid(units / math.sqrt(c.hidden))
        scores: np.ndarray = inputs @ self.weights(epoch).T
        if c.drift:
            angle = (math.pi / 2 * c.drift / 1000 * rounds)[:, None]
            away = inputs @ self.weights(epoch, turned=True).T
            scores = np.cos(angle) * scores + np.sin(angle) * away
        return scores

    def _normal(self, name: str, shape: tuple[int, int], index: int) -> np.ndarray:
        return stream(self._config.seed, name, index).standard_normal(shape)


class LabelTruth:
    """The truth of rows with a label: reward 1 for the arm that is the row's class, else 0.

    Parameters
    ----------
    rows : float64 [n, d]
    code : int64 [n]
        Class of each row.
    arms : int
        Number of classes.
    seed : int
        Of the order in which rows come; each pass over them has one of its own.
    """

    def __init__(self, rows: np.ndarray, code: np.ndarray, arms: int, seed: int) -> None:
        self._rows, self._code, self._arms, self._seed = rows, code, arms, seed
        self._orders: dict[int, np.ndarray] = {}

    def contexts(self, rounds: np.ndarray) -> np.ndarray:
        """Contexts of rounds [n]: float64 [n, d]."""
        return self._rows[self.row(rounds)]

    def expected(self, contexts: np.ndarray, rounds: np.ndarray) -> np.ndarray:
        """Mean reward of each arm: float64 [n, a], 1 where the arm is the label."""
        row = self.row(rounds)
        if not np.array_equal(contexts, self._rows[row], equal_nan=True):
            raise InvalidArgumentError(
                "these contexts are not those of the rounds: pass rounds= as to contexts(); only "
                "rows of the data have a label"
            )
        result = np.zeros((len(rounds), self._arms))
        result[np.arange(len(rounds)), self._code[row]] = 1.0
        return result

    def rewards(self, expected: np.ndarray, rounds: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Reward of each arm, which is its mean: float64 [n, a]."""
        return expected

    def sample(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Contexts [n, d] and all arms' rewards [n, a], in an order that no run will meet."""
        far = np.arange(_FAR, _FAR + n)
        contexts = self.contexts(far)
        return contexts, self.expected(contexts, far)

    def row(self, rounds: np.ndarray) -> np.ndarray:
        """Row of the data that comes in each round: int64 [n]."""
        epochs, place = np.divmod(rounds, len(self._rows))
        result = np.empty(len(rounds), np.int64)
        for epoch in np.unique(epochs):
            mine = epochs == epoch
            result[mine] = self._order(int(epoch))[place[mine]]
        return result

    def _order(self, epoch: int) -> np.ndarray:
        if epoch not in self._orders:
            if len(self._orders) >= 4:
                self._orders.clear()
            self._orders[epoch] = stream(self._seed, "order", epoch).permutation(len(self._rows))
        return self._orders[epoch]
