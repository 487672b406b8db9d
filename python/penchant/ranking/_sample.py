"""Rows with what they are to be: what a fit learns from, and what it watches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import InvalidArgumentError
from ._rows import Rows

__all__ = ["Sample"]


@dataclass
class Sample:
    """Rows of a fit, or those of its `eval_set`.

    Attributes
    ----------
    who : str
        How messages call it.
    X : array or DataFrame
    y : [n] array
        As functions of the user's see them: numbers, or the numbers of classes.
    weight : [n] float32 array, optional
    group : [n] array, optional
        The query of each row, and `begin` [queries + 1], where its rows do.
    position : [n] int32 array, optional
    watched : bool
        Rows of an `eval_set`.
    """

    who: str
    X: Any
    y: npt.NDArray[Any]
    weight: Any = None
    group: Any = None
    begin: npt.NDArray[np.int64] | None = None
    position: npt.NDArray[np.int32] | None = None
    watched: bool = False

    def __post_init__(self) -> None:
        self.weight = _weights(self.weight, len(self.y), self.who)

    def labels(self) -> Any:
        """As the core takes them."""
        return _core.RowLabels(
            self.y.astype(np.float32, copy=False),
            weight=self.weight,
            group_begin=self.begin,
            position=self.position,
        )

    def check(self, rows: Rows) -> None:
        """Refuse rows that are none, or others than `y` names."""
        if rows.shape[0] == 0:
            raise InvalidArgumentError(
                f"{self.who}: Found array with 0 sample(s) while 1 is required"
            )
        if rows.shape[1] == 0:
            raise InvalidArgumentError(
                f"{self.who}: 0 feature(s) (shape={rows.shape}) while a minimum of 1 is required."
            )
        if len(self.y) != rows.shape[0]:
            raise InvalidArgumentError(f"{self.who}: X has {rows.shape[0]} rows, y {len(self.y)}")


def _weights(sample_weight: Any, rows: int, who: str) -> npt.NDArray[np.float32] | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float32)
    if weight.ndim == 0:
        weight = np.full(rows, weight, dtype=np.float32)
    if weight.shape != (rows,):
        raise InvalidArgumentError(
            f"{who}: sample_weight must be [{rows}], one a row, not shape {weight.shape}"
        )
    return weight
