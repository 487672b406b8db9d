"""The Online Retail benchmark as arrays: what every library is given, and how weights are made.

A `Window` is one split. The test window is the benchmark's own; the validation window, in which
hyperparameters are chosen, holds out the last 28 days of the training part and knows nothing later.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import scipy.sparse as sp

DAY = np.timedelta64(1, "D")


@dataclass
class Window:
    """Distinct training pairs with what is known of each, and who is asked about what.

    Attributes
    ----------
    subject, item : int32 [pairs]
    count : float64 [pairs]
        Distinct times at which the pair occurred (baskets, not lines).
    last : float64 [pairs]
        Age in days of its last occurrence at the end of training.
    num_subjects, num_items : int64 scalars
    asked : int32 [rows]
        The test subjects.
    truth_row, truth_item : int32 [test pairs]
    """

    subject: np.ndarray
    item: np.ndarray
    count: np.ndarray
    last: np.ndarray
    num_subjects: np.ndarray
    num_items: np.ndarray
    asked: np.ndarray
    truth_row: np.ndarray
    truth_item: np.ndarray

    def matrix(self, weights: str) -> sp.csr_matrix:
        """Return the training matrix [subjects, items], float32.

        `weights`: "binary"; "count"; or "recent60", which halves a pair for every 60 days since it
        last occurred.
        """
        kinds = {"binary": np.ones(len(self.count)), "count": self.count}
        values = np.exp2(-self.last / 60.0) if weights == "recent60" else kinds[weights]
        shape = (int(self.num_subjects), int(self.num_items))
        return sp.csr_matrix((values.astype(np.float32), (self.subject, self.item)), shape=shape)

    def seen(self) -> np.ndarray:
        """Return what was bought before, bool [rows, items]."""
        return self.matrix("binary")[self.asked].toarray() > 0

    def truth(self) -> np.ndarray:
        """Return what was bought in the held-out days, bool [rows, items]."""
        out = np.zeros((len(self.asked), int(self.num_items)), dtype=bool)
        out[self.truth_row, self.truth_item] = True
        return out


def make_window(
    subjects: np.ndarray, items: np.ndarray, times: np.ndarray, cut: np.datetime64
) -> Window:
    """Split purchases at a time; test pairs count once, of subjects and items known in training."""
    early = times < cut
    subject_ids, subject = np.unique(subjects[early], return_inverse=True)
    item_ids, item = np.unique(items[early], return_inverse=True)
    age = (cut - times[early]) / DAY
    stamps = times[early].astype("datetime64[s]").astype(np.int64)
    events = np.unique(np.stack([subject, item, stamps], axis=1), axis=0)
    keys, count = np.unique(events[:, 0] * len(item_ids) + events[:, 1], return_counts=True)
    last = np.full(len(keys), np.inf)
    np.minimum.at(last, np.searchsorted(keys, subject * len(item_ids) + item), age)

    row, known = _lookup(subject_ids, subjects[~early])
    column, stocked = _lookup(item_ids, items[~early])
    both = known & stocked
    pairs = np.unique(row[both] * len(item_ids) + column[both])
    asked, truth_row = np.unique(pairs // len(item_ids), return_inverse=True)
    return Window(
        (keys // len(item_ids)).astype(np.int32),
        (keys % len(item_ids)).astype(np.int32),
        count.astype(np.float64),
        last,
        np.int64(len(subject_ids)),
        np.int64(len(item_ids)),
        asked.astype(np.int32),
        truth_row.astype(np.int32),
        (pairs % len(item_ids)).astype(np.int32),
    )


def _lookup(ids: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return at, ids[at] == wanted


def digest(*windows: Window) -> bytes:
    """Return a hash of everything in the windows."""
    total = hashlib.sha256()
    for window in windows:
        for field in fields(Window):
            total.update(np.ascontiguousarray(getattr(window, field.name)).tobytes())
    return total.digest()


def save(path: Path, **windows: Window) -> None:
    """Write windows where another environment can read them."""
    arrays = {
        f"{name}.{field.name}": getattr(window, field.name)
        for name, window in windows.items()
        for field in fields(Window)
    }
    np.savez(path, **arrays)


def load(path: Path, name: str) -> Window:
    """Read one window back."""
    with np.load(path) as arrays:
        return Window(*(arrays[f"{name}.{field.name}"] for field in fields(Window)))
