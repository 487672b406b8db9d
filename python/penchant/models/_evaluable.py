"""What `pn.evaluate` asks of anything that ranks a catalogue for subjects."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

__all__ = ["Evaluable", "Told", "told_of"]

# What a test set says of people beside events: the core's table, and the row of each person asked
# for, -1 where it says nothing.
Told: TypeAlias = tuple[Any, np.ndarray]


def told_of(data: Any, model: Evaluable, subject_ids: Any) -> Told | None:
    """What `data` says of those that `model` does not know; None where it says nothing."""
    table = data._person_table() if hasattr(data, "_person_table") else None
    if table is None:
        return None
    rows = np.asarray(data._core.subjects.find_all(subject_ids), dtype=np.int32)
    return table, np.where(model._knows_subjects(subject_ids), np.int32(-1), rows)


class Evaluable:
    """Mixin over whose subjects, histories and catalogue an object answers for."""

    def _known(self) -> tuple[Any, Any, Any]:
        """Return (subjects' IdMap, their Interactions, Context); raises NotFittedError."""
        raise NotImplementedError

    def _item_map(self) -> Any:
        return self._known()[2].items

    def _knows_subjects(self, subject_ids: Any) -> np.ndarray:
        return np.asarray(self._known()[0].find_all(subject_ids)) >= 0

    def _seen(self, subject_ids: Any) -> tuple[np.ndarray, np.ndarray]:
        """Training items of each subject: offsets int64 [n + 1], items int32, rows ascending."""
        subjects, pairs, _ = self._known()
        rows = np.asarray(subjects.find_all(subject_ids), dtype=np.int64)
        # An unknown subject reads the empty row appended at the end.
        offsets = np.append(np.asarray(pairs.offsets), pairs.nnz)
        rows = np.where(rows >= 0, rows, len(offsets) - 2)
        sizes = offsets[rows + 1] - offsets[rows]
        out = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        position = np.arange(out[-1]) + np.repeat(offsets[rows] - out[:-1], sizes)
        return out, np.asarray(pairs.items)[position].astype(np.int32)

    def _item_popularity(self) -> np.ndarray:
        """Return the number of training subjects of each item."""
        history = self._known()[2].history
        return np.bincount(history.items, minlength=history.num_items).astype(np.float64)

    @property
    def _num_subjects(self) -> int:
        return int(self._known()[2].history.num_users)

    @property
    def subject_ids_(self) -> np.ndarray:
        """External ids of the subjects it knows, by row."""
        return np.asarray(self._known()[0].ids())

    @property
    def item_ids_(self) -> np.ndarray:
        """External ids of its catalogue, by column."""
        return np.asarray(self._known()[2].items.ids())
