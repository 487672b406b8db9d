"""Scores that another library computed, evaluated by the same protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penchant.errors import InvalidArgumentError


class ScoreTable:
    """A model that is nothing but a table of scores, for ``pn.evaluate`` and ``pn.compare``.

    Parameters
    ----------
    train : Dataset
        What the scores were learned from: it gives the ids, and what each subject has seen.
    scores : array float32 [train.num_subjects, train.num_items]
        Higher is better, in the order of ``train.subject_ids`` and ``train.item_ids``. NaN and
        minus infinity stand for "not recommendable".

    Raises
    ------
    InvalidArgumentError
        When the shape is another.

    Examples
    --------
    >>> table = pn.evaluation.ScoreTable(train, other.user_factors @ other.item_factors.T)
    >>> pn.compare(als, table, test)                                               # doctest: +SKIP
    """

    def __init__(self, train: Any, scores: Any) -> None:
        self._core = train._core
        self.scores: NDArray[np.float32] = np.ascontiguousarray(scores, dtype=np.float32)
        pairs = self._core.interactions()
        wanted = (pairs.num_users, pairs.num_items)
        if self.scores.shape != wanted:
            raise InvalidArgumentError(
                f"scores have shape {self.scores.shape}; the training data asks for {wanted}"
            )
        self._pairs = pairs

    @property
    def _num_subjects(self) -> int:
        return int(self._pairs.num_users)

    def _item_map(self) -> Any:
        return self._core.items

    def _item_popularity(self) -> NDArray[np.float64]:
        counts = np.bincount(self._pairs.items, minlength=self._pairs.num_items)
        return counts.astype(np.float64)

    def _rows(self, subject_ids: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
        return np.asarray(self._core.subjects.find_all(subject_ids), dtype=np.int64)

    def _knows_subjects(self, subject_ids: Sequence[Any] | NDArray[Any]) -> NDArray[np.bool_]:
        return self._rows(subject_ids) >= 0

    def _seen(
        self, subject_ids: Sequence[Any] | NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        rows = self._rows(subject_ids)
        bounds, items = self._pairs.offsets, self._pairs.items
        none = np.zeros(0, dtype=np.int32)
        parts = [items[bounds[row] : bounds[row + 1]] if row >= 0 else none for row in rows]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return offsets, np.concatenate([none, *parts]).astype(np.int32)

    def _scorer(
        self,
        subject_ids: Sequence[Any] | NDArray[Any],
        *,
        exclude_seen: bool,  # noqa: ARG002
        told: Any = None,  # noqa: ARG002
    ) -> Any:
        from penchant import _core

        rows = self._rows(subject_ids)
        if (rows >= 0).all():
            return _core.Scorer.from_scores(self.scores[rows])
        # Someone the table has no row for gets the items by popularity, as models do.
        fallback = self._item_popularity().astype(np.float32)
        return _core.Scorer.from_scores(
            np.where((rows >= 0)[:, None], self.scores[rows], fallback[None, :])
        )
