"""What to try: ranges of parameters, and a default set of them for every model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import InvalidArgumentError

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..models._base import Model

__all__ = ["Choice", "Dimension", "Doubling", "Range", "checked_space", "default_space"]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Parameters
    ----------
    low, high : float or int
        Integers where both are.
    log : bool
        Even on a logarithmic scale; needs ``low > 0``.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise InvalidArgumentError(f"Range: want finite low <= high, not {self!r}")
        if self.log and self.low <= 0:
            raise InvalidArgumentError(f"Range: a logarithmic one needs low > 0, not {self!r}")

    @property
    def integer(self) -> bool:
        """Whether the values are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: Any) -> bool:
        """Whether `value` is one of it."""
        kinds = int if self.integer else (int, float)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of a few values: texts, numbers, booleans or None."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        if not values or not all(isinstance(v, (str, int, float, type(None))) for v in values):
            raise InvalidArgumentError(
                f"Choice: give texts, numbers, booleans or None, one or more, not {values!r}"
            )
        object.__setattr__(self, "values", values)

    def holds(self, value: Any) -> bool:
        """Whether `value` is one of it."""
        return any(value == each and type(value) is type(each) for each in self.values)


@dataclass(frozen=True)
class Doubling:
    """A size, doubled from `low` up to `high` while that helps.

    The other parameters are searched at the smallest size, where a trial is cheap; each doubling
    starts from the best found so far. What is good at 32 factors is near what is good at 64, so
    most of the search costs a fraction of one at full size (irspack calls this tuning with a
    doubled dimension).
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.high:
            raise InvalidArgumentError(f"Doubling: want 1 <= low <= high, not {self!r}")

    def sizes(self) -> list[int]:
        """Return low, 2 low, 4 low, ... up to `high`."""
        out = [self.low]
        while out[-1] * 2 <= self.high:
            out.append(out[-1] * 2)
        return out

    def holds(self, value: Any) -> bool:
        """Whether `value` is within its bounds."""
        return isinstance(value, int) and not isinstance(value, bool) and (
            self.low <= value <= self.high
        )  # fmt: skip


Dimension: TypeAlias = Range | Choice | Doubling

_HALF_LIVES = Choice(None, "14d", "28d", "56d", "112d", "224d")
_WEIGHTINGS = Choice("linear", "log", "binary", "capped")
_TIMED = {"half_life", "window"}  # mean nothing in a log without times

# By the class of the model: wide enough that another data set's best lies inside.
_SPACES: dict[str, dict[str, Dimension]] = {
    "ALS": {
        "factors": Doubling(32, 256),
        "regularization": Range(1e-3, 1e3, log=True),
        "alpha": Range(0.1, 100.0, log=True),
        "weighting": _WEIGHTINGS,
        "half_life": _HALF_LIVES,
    },
    "ItemKNN": {
        "similarity": Choice("bm25", "cosine", "tfidf"),
        "neighbors": Range(20, 1000, log=True),
        "k1": Range(0.1, 10.0, log=True),
        "b": Range(0.0, 1.0),
        "shrinkage": Range(0.0, 100.0),
        "weighting": _WEIGHTINGS,
        "half_life": _HALF_LIVES,
    },
    "EASE": {
        "regularization": Range(1.0, 5000.0, log=True),
        "user_exponent": Choice(0.0, 0.25, 0.5),
        "weighting": _WEIGHTINGS,
        "half_life": _HALF_LIVES,
    },
    "LocalRidge": {
        "neighbors": Choice(100, 200, 400),
        "regularization": Range(0.1, 1000.0, log=True),
        "user_exponent": Choice(0.0, 0.25, 0.5),
        "weighting": _WEIGHTINGS,
        "half_life": _HALF_LIVES,
    },
    "SLIM": {
        "l1": Range(0.01, 30.0, log=True),
        "l2": Range(1.0, 1000.0, log=True),
        "weighting": _WEIGHTINGS,
        "half_life": _HALF_LIVES,
    },
    "GraphFilter": {
        "user_exponent": Range(0.0, 1.0),
        "target_exponent": Range(0.0, 0.6),
        "sharpen": Range(0.0, 1.2),
        "low_pass_weight": Range(0.0, 0.5),
        "weighting": _WEIGHTINGS,
        "half_life": _HALF_LIVES,
    },
    "Content": {
        "min_count": Range(1, 20, log=True),
        "bins": Range(2, 20, log=True),
        "weighting": _WEIGHTINGS,
        "half_life": _HALF_LIVES,
    },
    "Hybrid": {
        "factors": Doubling(32, 256),
        "regularization": Range(1e-3, 1e3, log=True),
        "alpha": Range(0.1, 100.0, log=True),
        "attribute_strength": Range(0.5, 200.0, log=True),
        "attribute_regularization": Range(0.01, 10.0, log=True),
        "weighting": _WEIGHTINGS,
        "half_life": _HALF_LIVES,
    },
    "Popular": {
        "window": Choice(None, "7d", "14d", "28d", "56d", "112d"),
        "half_life": Choice(None, "7d", "14d", "28d", "56d"),
    },
}


def default_space(model: Model) -> dict[str, Dimension]:
    """Return what `pn.tune` tries for a model when it is not told.

    Raises
    ------
    InvalidArgumentError
        When there is nothing to tune in a model of this kind.
    """
    space = _SPACES.get(type(model).__name__)
    if space is None:
        raise InvalidArgumentError(
            f"tune: no ranges are known for {type(model).__name__}; give space={{parameter: "
            f"pn.tuning.Range(low, high) or pn.tuning.Choice(...)}}. "
            f"Models with ranges: {', '.join(_SPACES)}"
        )
    return dict(space)


def checked_space(
    model: Model, space: Mapping[str, Dimension] | None, train: Dataset
) -> dict[str, Dimension]:
    """The ranges to search, checked against the model's parameters and the data."""
    timed = train.time_range is not None
    if space is None:
        out = default_space(model)
        return {name: each for name, each in out.items() if timed or name not in _TIMED}
    known = model.get_params()
    for name, each in space.items():
        if name not in known:
            raise InvalidArgumentError(
                f"tune: {type(model).__name__} has no parameter {name!r}; it has: "
                f"{', '.join(known)}"
            )
        if not isinstance(each, (Range, Choice, Doubling)):
            raise InvalidArgumentError(
                f"tune: space[{name!r}] must be a pn.tuning.Range, Choice or Doubling, not {each!r}"
            )
    if not space:
        raise InvalidArgumentError("tune: space is empty; None gives the default ranges")
    if sum(isinstance(each, Doubling) for each in space.values()) > 1:
        raise InvalidArgumentError("tune: only one parameter can be a Doubling")
    return dict(space)
