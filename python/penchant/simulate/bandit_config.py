"""The knobs of a simulated bandit problem."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from penchant.errors import InvalidArgumentError

__all__ = ["KINDS", "BanditConfig"]

KINDS = ("linear", "logistic", "neural")
_FLOORS = {
    "arms": 1,
    "dimension": 1,
    "arm_dimension": 1,
    "hidden": 1,
    "slate": 1,
    "change_every": 0,
    "seed": 0,
}


@dataclass(frozen=True, kw_only=True)
class BanditConfig:
    """Everything that a bandit world follows from, but given names and weights.

    Attributes
    ----------
    kind : {"linear", "logistic", "neural"}
        How a context and an arm make a reward, see `expected`:
        ``linear``: ``base + strength * score``, with normal noise around it;
        ``logistic``: 1 with chance ``sigmoid(logit(base) + strength * score)``, else 0;
        ``neural``: the same, of a score that is not linear in the context.
    arms : int
        What can be chosen.
    dimension : int
        Columns of a context. The first is constant, ``dimension ** -0.5``, the others are normal
        with that deviation, so that a context is about one long. With a dimension of 1 there is
        nothing but the arms' own merit.
    arm_dimension : int
        Columns of `arm_features`, the arms' attributes.
    sharing : float
        Share of the variance of the arms' weights that follows from their attributes, 0 to 1: what
        a new arm can be known from.
    base : float, optional
        Mean reward of an arm without merit: 0 in a linear world, .2 in the others.
    strength : float, optional
        How much the score moves the reward, 0 or more: .15 in a linear world, 1 in the others (in
        log odds). Scores have a variance of about one (about .65 in a neural world).
    noise : float
        Deviation of a linear world's rewards from their mean.
    hidden : int
        Hidden units of a neural world.
    drift : float
        Speed at which the arms' weights turn away from what they were, in quarter turns in 1,000
        rounds: at 1, the weights of round 1,000 have nothing to do with those of round 0. Negative
        speeds turn the other way.
    change_every : int
        Every so many rounds all weights are drawn anew; 0 never does.
    delay : float
        Mean of the exponential number of rounds after which a reward is known.
    slate : int
        Positions filled in each round.
    position_decay : float
        Position p (0 is the first) is looked at with chance ``(1 + p) ** -position_decay``; the
        reward of what isn't looked at is 0.
    seed : int
        Of every random number; zero or more.
    """

    kind: str = "linear"
    arms: int = 10
    dimension: int = 16
    arm_dimension: int = 4
    sharing: float = 0.5
    base: float | None = None
    strength: float | None = None
    noise: float = 0.1
    hidden: int = 16
    drift: float = 0.0
    change_every: int = 0
    delay: float = 0.0
    slate: int = 1
    position_decay: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidArgumentError(f"kind is {self.kind!r}; it is one of {', '.join(KINDS)}")
        defaults = {"base": 0.0, "strength": 0.15} if self.kind == "linear" else {}
        for name, value in ({"base": 0.2, "strength": 1.0} | defaults).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for name, floor in _FLOORS.items():
            _check_whole(name, getattr(self, name), floor)
        for field in fields(self):
            if field.name not in _FLOORS and field.name != "kind":
                _check_finite(field.name, getattr(self, field.name))
        for name in ("strength", "noise", "delay", "position_decay"):
            if getattr(self, name) < 0:
                raise InvalidArgumentError(f"{name} is {getattr(self, name)}; it is 0 or more")
        if not 0 <= self.sharing <= 1:
            raise InvalidArgumentError(f"sharing is {self.sharing}; it is from 0 to 1")
        if self.kind != "linear" and not 0 < self.base < 1:  # type: ignore[operator]
            raise InvalidArgumentError(f"base is {self.base}; it is a chance above 0 and below 1")
        if self.slate > self.arms:
            raise InvalidArgumentError(
                f"slate is {self.slate}, of {self.arms} arms; a slate has no arm twice"
            )


def _check_whole(name: str, value: object, floor: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidArgumentError(f"{name} is {value!r}; it is a whole number")
    if value < floor:
        raise InvalidArgumentError(f"{name} is {value}; it is {floor} or more")


def _check_finite(name: str, value: object) -> None:
    known = isinstance(value, int | float | np.floating | np.integer) and not isinstance(
        value, bool
    )
    if not known or not math.isfinite(value):  # type: ignore[arg-type]
        raise InvalidArgumentError(f"{name} is {value!r}; it is a finite number")
