"""Arrays of a log as the core takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BadDataError, InvalidArgumentError

__all__ = ["Log", "read_log"]

_Reals = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Log:
    """A log and the policy that is judged by it: contiguous arrays, lengths not yet checked.

    Attributes
    ----------
    target : [rounds, actions] or [rounds, actions, positions] float64 or float32
    action : [rounds] int64 or None
    reward, logged : float64 or None
        ``logged`` is [rounds], or a table like ``target``.
    q : like target, or None
    position : [rounds] int64 or None
    marginal_weight : [rounds] float64 or None
    """

    target: npt.NDArray[Any]
    action: _Integers | None = None
    reward: _Reals | None = None
    logged: _Reals | None = None
    q: npt.NDArray[Any] | None = None
    position: _Integers | None = None
    marginal_weight: _Reals | None = None

    @property
    def rounds(self) -> int:
        return len(self.target)

    def table_at_positions(self, table: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return [rounds, actions] of a table: that of each round's position."""
        if table.ndim == 2:
            return table
        if self.position is None:
            return table[:, :, 0]
        return np.take_along_axis(table, self.position[:, None, None], axis=2)[:, :, 0]

    def taken(self, table: npt.NDArray[Any]) -> _Reals:
        """Return [rounds]: a table's entries at the actions that were taken."""
        assert self.action is not None
        rows = np.arange(self.rounds)
        if table.ndim == 2:
            return np.asarray(table[rows, self.action], dtype=np.float64)
        place = 0 if self.position is None else self.position
        return np.asarray(table[rows, self.action, place], dtype=np.float64)

    @property
    def propensity(self) -> _Reals:
        """The logging policy's probability of the action that it took, [rounds]."""
        assert self.logged is not None
        return self.logged if self.logged.ndim == 1 else self.taken(self.logged)

    def with_marginal(self, weight: _Reals) -> Log:
        """Return the log with the weights of an embedding."""
        return replace(self, marginal_weight=weight)


def read_log(
    target: npt.ArrayLike,
    *,
    action: npt.ArrayLike | None = None,
    reward: npt.ArrayLike | None = None,
    logged: npt.ArrayLike | None = None,
    q: npt.ArrayLike | None = None,
    position: npt.ArrayLike | None = None,
    arms: Sequence[Any] | None = None,
) -> Log:
    """Convert what the caller has; a clear error for what is no array of numbers.

    Raises
    ------
    InvalidArgumentError
        On shapes and types.
    BadDataError
        On an action that is not among ``arms``.
    """
    table = _table("target", target)
    out = Log(
        target=table,
        action=None if action is None else _actions(action, arms),
        reward=None if reward is None else _vector("reward", reward),
        logged=None if logged is None else _reals("logged", logged),
        q=None if q is None else _table("q", q),
        position=None if position is None else _integers("position", position),
    )
    if out.q is not None and out.q.shape != table.shape:
        raise InvalidArgumentError(
            f"off-policy: q has shape {out.q.shape} and target {table.shape}; they must be alike"
        )
    if out.logged is not None and out.logged.ndim > 1 and out.logged.shape != table.shape:
        raise InvalidArgumentError(
            f"off-policy: logged has shape {out.logged.shape}; it must be [rounds], the "
            f"probability of the action taken, or like target, {table.shape}"
        )
    return out


def _reals(name: str, values: npt.ArrayLike, *, keep: bool = False) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
        if not (keep and array.dtype == np.float32):
            array = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"off-policy: {name} must be numbers: {error}") from error
    return np.ascontiguousarray(array)


def _table(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    array = _reals(name, values, keep=True)
    if array.ndim not in (2, 3):
        raise InvalidArgumentError(
            f"off-policy: {name} must be [rounds, actions] or [rounds, actions, positions], not of "
            f"shape {array.shape}"
        )
    return array


def _vector(name: str, values: npt.ArrayLike) -> _Reals:
    array = _reals(name, values)
    if array.ndim != 1:
        raise InvalidArgumentError(
            f"off-policy: {name} must be [rounds], not of shape {array.shape}"
        )
    return array


def _integers(name: str, values: npt.ArrayLike) -> _Integers:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"off-policy: {name} must be [rounds] of integers, target's columns, not "
            f"{array.dtype} of shape {array.shape}"
        )
    return np.ascontiguousarray(array, dtype=np.int64)


def _actions(values: npt.ArrayLike, arms: Sequence[Any] | None) -> _Integers:
    if arms is None:
        return _integers("action", values)
    column = {arm: place for place, arm in enumerate(np.asarray(arms).tolist())}
    if len(column) != len(arms):
        raise InvalidArgumentError("off-policy: arms names one arm twice")
    given = np.asarray(values).tolist()
    try:
        return np.asarray([column[arm] for arm in given], dtype=np.int64)
    except KeyError as error:
        row = next(i for i, arm in enumerate(given) if arm not in column)
        raise BadDataError(
            f"off-policy: round {row}: action {given[row]!r} is not one of the arms"
        ) from error
