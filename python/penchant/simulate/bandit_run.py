"""A policy in a world, round by round, and what became of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from penchant.datasets._frames import from_arrow
from penchant.errors import InvalidArgumentError

if TYPE_CHECKING:
    from penchant.simulate.bandit_world import BanditWorld

__all__ = ["Trace", "run"]

_CELLS_AT_ONCE = 1 << 18


@dataclass(frozen=True, repr=False)
class Trace:
    """Decisions of a policy with what they were worth, by round.

    Arrays are [n], or [n, slate] by position where the world fills slates.

    Attributes
    ----------
    world : BanditWorld
    rounds : int64 [n]
    contexts : float64 [n, d]
    action : int64
        Place of the chosen arm in ``world.arms``, as estimators want it.
    propensity : float64
        Chance with which the policy chose so; nan where it didn't say.
    reward : float64
    expected : float64
        Mean reward of the choice, its position taken into account.
    best_expected : float64 [n]
        Mean reward of the best choice (the sum over a slate).
    arrival : int64 [n]
        Round after which the reward was known; what arrived after the last one was not learned.
    """

    world: BanditWorld
    rounds: np.ndarray
    contexts: np.ndarray
    action: np.ndarray
    propensity: np.ndarray
    reward: np.ndarray
    expected: np.ndarray
    best_expected: np.ndarray
    arrival: np.ndarray

    def __len__(self) -> int:
        return len(self.rounds)

    def __repr__(self) -> str:
        if not len(self):
            return "Trace(0 rounds)"
        regret = self.regret[-1]
        return (
            f"Trace({len(self):,} rounds of {self.world!r}: mean reward {self.reward.mean():.4g}, "
            f"regret {regret:.5g}, {regret / len(self):.3g} a round)"
        )

    @property
    def arm(self) -> np.ndarray:
        """Ids of the chosen arms."""
        return self.world.ids_of(self.action)

    @property
    def regret(self) -> np.ndarray:
        """Mean reward missed up to and with each round: float64 [n]."""
        got = self.expected if self.expected.ndim == 1 else self.expected.sum(axis=1)
        return np.cumsum(self.best_expected - got)

    def to_frame(
        self,
        format: Literal["pandas", "polars", "pyarrow"] = "pandas",  # noqa: A002
    ) -> Any:
        """Return one row a decision (in slates, a position) as a frame.

        Columns: ``round``, ``position`` (from 0; only of slates), ``arm``, ``propensity``,
        ``reward``, ``expected``, ``arrival``, ``regret`` (up to and with the round).
        """
        positions = self.action.shape[1] if self.action.ndim == 2 else 1
        columns = {"round": np.repeat(self.rounds, positions)}
        if self.action.ndim == 2:
            columns["position"] = np.tile(np.arange(positions), len(self))
        columns["arm"] = self.arm.ravel()
        for name in ("propensity", "reward", "expected"):
            columns[name] = getattr(self, name).ravel()
        columns["arrival"] = np.repeat(self.arrival, positions)
        columns["regret"] = np.repeat(self.regret, positions)
        return from_arrow(pa.table(columns), format)


def run(
    world: BanditWorld,
    policy: Any,
    rounds: int,
    batch: int = 1,
    *,
    first: int = 0,
    contexts: np.ndarray | None = None,
    arm_features: bool = False,
) -> Trace:
    """Let a policy decide and learn.

    Parameters
    ----------
    policy : object
        Has ``decide(contexts, arms)``, which answers with an object that has ``arm`` and
        ``propensity`` ([n], or [n, k] where it was asked for ``k`` positions), or with the ids
        alone; and ``update(contexts, arm, reward, propensity=...)``, rows being decisions
        (positions of slates). Propensities are None where the policy gave none.
    rounds : int
    batch : int, default 1
        Contexts decided upon at once; what is known of their rewards by the end of the last is
        then learned at once, by arrival.
    first : int, default 0
        Round to begin with.
    contexts : float64 [rounds, d], optional
        Given contexts instead of those that the world draws.
    arm_features : bool, default False
        Hand attributes on: ``decide`` gets ``arm_features=`` of all arms [a, p], ``update`` those
        of each row's arm [n, p].

    Returns
    -------
    Trace
    """
    for name, value, floor in (("rounds", rounds, 0), ("batch", batch, 1), ("first", first, 0)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < floor:
            raise InvalidArgumentError(f"{name} is {value!r}; it is a whole number from {floor} on")
    if arm_features and world.arm_features is None:
        raise InvalidArgumentError("arm_features is True; the arms of this world have none")
    return _Run(world, policy, int(first), int(rounds), int(batch), arm_features).go(contexts)


class _Run:
    """The state of a run: the arrays of its trace, and rewards that are under way."""

    def __init__(
        self,
        world: BanditWorld,
        policy: Any,
        first: int,
        rounds: int,
        batch: int,
        arm_features: bool,
    ) -> None:
        self.world, self.policy, self.batch = world, policy, batch
        self.rounds = first + np.arange(rounds, dtype=np.int64)
        shape = (rounds, world.slate)
        self.action = np.empty(shape, np.int64)
        self.propensity = np.full(shape, np.nan)
        self.says = True
        self.reward, self.expected = np.empty(shape), np.empty(shape)
        self.best_expected = np.empty(rounds)
        self.arrival = world.arrival(rounds, first)
        # Decisions by the number of the batch after which they are learned.
        self.due: dict[int, list[int]] | None = None
        if not np.array_equal(self.arrival, self.rounds):
            self.due = defaultdict(list)
            arrives = (self.arrival - first) // batch
            for i in np.lexsort((self.rounds, self.arrival)).tolist():
                self.due[int(arrives[i])].append(i)
        self.features = world.arm_features if arm_features else None
        self.asked: dict[str, Any] = {"arm_features": self.features} if arm_features else {}
        if world.slate > 1:
            self.asked["k"] = world.slate

    def go(self, contexts: np.ndarray | None) -> Trace:
        n, world = len(self.rounds), self.world
        if contexts is not None and np.shape(contexts) != (n, world.dimension):
            raise InvalidArgumentError(
                f"contexts have the shape {np.shape(contexts)}; it is [{n}, {world.dimension}]"
            )
        self.contexts = (
            world.truth.contexts(self.rounds)
            if contexts is None
            else np.ascontiguousarray(contexts, np.float64)
        )
        step = self.batch * max(1, _CELLS_AT_ONCE // len(world.arms) // self.batch)
        for begin in range(0, n, step):
            self._stretch(begin, min(n, begin + step))
        single = world.slate == 1

        def shaped(values: np.ndarray) -> np.ndarray:
            return values[:, 0] if single else values

        return Trace(
            world,
            self.rounds,
            self.contexts,
            shaped(self.action),
            shaped(self.propensity),
            shaped(self.reward),
            shaped(self.expected),
            self.best_expected,
            self.arrival,
        )

    def _stretch(self, begin: int, end: int) -> None:
        """Rounds whose means and rewards fit into memory together."""
        world, rounds = self.world, self.rounds[begin:end]
        expected = world.truth.expected(self.contexts[begin:end], rounds)
        table = world.truth.rewards(expected, rounds)
        looked = world.looked_at(rounds)
        top = -np.sort(-expected, axis=1)[:, : world.slate] if world.slate > 1 else None
        self.best_expected[begin:end] = (
            expected.max(axis=1) if top is None else top @ world.examination
        )
        for low in range(begin, end, self.batch):
            high = min(low + self.batch, end)
            self._decide(low, high)
            here, row = slice(low, high), slice(low - begin, high - begin)
            action = self.action[here]
            self.reward[here] = np.take_along_axis(table[row], action, axis=1) * looked[row]
            self.expected[here] = (
                np.take_along_axis(expected[row], action, axis=1) * world.examination
            )
            self._learn(low, high)

    def _decide(self, low: int, high: int) -> None:
        decided = self.policy.decide(self.contexts[low:high], self.world.arms, **self.asked)
        arm = np.asarray(getattr(decided, "arm", decided))
        if arm.size != self.action[low:high].size:
            raise InvalidArgumentError(
                f"the policy answered with arms of the shape {arm.shape} to {high - low} contexts "
                f"and {self.world.slate} positions"
            )
        self.action[low:high] = self.world.index_of(arm).reshape(high - low, -1)
        propensity = getattr(decided, "propensity", None)
        self.says = propensity is not None
        if propensity is not None:
            self.propensity[low:high] = np.reshape(propensity, (high - low, -1))

    def _learn(self, low: int, high: int) -> None:
        if self.due is None:
            rows: Any = slice(low, high)
        else:
            rows = self.due.pop(low // self.batch, None)
            if rows is None:
                return
        contexts, slate = self.contexts[rows], self.world.slate
        if slate > 1:
            contexts = np.repeat(contexts, slate, axis=0)
        action = self.action[rows].ravel()
        told = {} if self.features is None else {"arm_features": self.features[action]}
        self.policy.update(
            contexts,
            self.world.ids_of(action),
            self.reward[rows].ravel(),
            propensity=self.propensity[rows].ravel() if self.says else None,
            **told,
        )
