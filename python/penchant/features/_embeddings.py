"""Vectors of items that a plan compares candidates by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core
from ..data._ids import encode
from ..errors import InvalidArgumentError

__all__ = ["Embedding", "as_embedding"]


@dataclass(frozen=True)
class Embedding:
    """A vector for each of some items.

    Attributes
    ----------
    ids
        Items, each once.
    matrix
        float32 [items, width].
    """

    ids: np.ndarray
    matrix: np.ndarray

    def rows(self, items: _core.IdMap) -> np.ndarray:
        """The vectors of `items`, zeros for those that have none."""
        listed = encode(np.asarray(self.ids, dtype=object), "item")
        place = np.full(len(listed.ids) + 1, -1, np.int64)
        place[listed.index] = np.arange(len(listed.index))
        place[-1] = -1  # of what is not listed
        at = place[listed.ids.find_all(items.ids())] if len(items) else np.zeros(0, np.int64)
        out = np.zeros((len(items), self.matrix.shape[1]), np.float32)
        out[at >= 0] = self.matrix[at[at >= 0]]
        return out


def as_embedding(name: str, given: Any) -> Embedding:
    """Read what `Plan(embeddings=...)` was given.

    Raises
    ------
    InvalidArgumentError
        When it is neither a fitted model with vectors of items nor ids and a matrix that fit.
    """
    if isinstance(given, Embedding):
        return given
    what = f"embedding {name!r}"
    if hasattr(given, "item_factors"):
        given = (given.item_ids_, given.item_factors)
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise InvalidArgumentError(
            f"{what}: want a fitted model that has item_factors, or (ids, matrix), not "
            f"{type(given).__name__}"
        )
    ids = np.asarray(given[0])
    try:
        matrix = np.ascontiguousarray(given[1], dtype=np.float32)
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f"{what}: the matrix holds something else than numbers"
        ) from None
    if ids.ndim != 1 or matrix.ndim != 2 or len(ids) != len(matrix) or matrix.shape[1] == 0:
        raise InvalidArgumentError(
            f"{what}: want a vector for each id; there are {ids.shape} ids and a matrix of "
            f"{matrix.shape}"
        )
    return Embedding(ids, matrix)
