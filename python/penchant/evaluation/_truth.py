"""Who is evaluated, and what is right for each: the protocol, before any score is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from penchant.errors import InvalidArgumentError

from .report import Protocol

Subjects = Literal["known", "all", "new"]
UnknownItems = Literal["drop", "count"]
AucAgainst = Literal["unseen", "all"]


@dataclass(frozen=True)
class Truth:
    """Rows of the evaluation; every array is in the order of `subject_ids`.

    Attributes
    ----------
    subject_ids : ndarray [rows]
        External ids.
    offsets, items : ndarray int64 [rows + 1], int32 [pairs]
        Right items of each row, ascending, as indices of the model's catalogue.
    seen_offsets, seen_items : ndarray int64 [rows + 1], int32
        Training items of each row, ascending.
    unknown : ndarray int32 [rows]
        Right items that the catalogue lacks (all 0 when they are dropped).
    protocol : Protocol
    """

    subject_ids: NDArray[Any]
    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    seen_offsets: NDArray[np.int64]
    seen_items: NDArray[np.int32]
    unknown: NDArray[np.int32]
    protocol: Protocol


def gather_truth(
    model: Any,
    test: Any,
    *,
    exclude_seen: bool,
    subjects: Subjects,
    unknown_items: UnknownItems,
    auc_against: AucAgainst,
    folded: str | None = None,
) -> Truth:
    """Turn a held-out dataset into rows that the model can be asked about.

    Raises
    ------
    InvalidArgumentError
        When nobody is left to evaluate; the message says where they went.
    """
    pairs = test._core.interactions()
    subject_rows = np.flatnonzero(np.diff(pairs.offsets) > 0)
    all_ids = _id_array(test.subject_ids)
    knows = np.asarray(model._knows_subjects(all_ids[subject_rows]), dtype=bool)
    chosen = {
        "known": subject_rows[knows],
        "new": subject_rows[~knows],
        "all": subject_rows,
    }[subjects]

    rows, raw_items = _rows_of(pairs.offsets, pairs.items, chosen)
    to_catalogue = np.asarray(model._item_map().find_all(test.item_ids), dtype=np.int64)
    num_items = int(model._item_map().__len__())
    items = to_catalogue[raw_items]
    found = items >= 0
    unknown = np.bincount(rows[~found], minlength=len(chosen))
    # Ids are sorted in both maps, but one may hold integers and the other their texts.
    keys = np.sort(rows[found] * num_items + items[found])

    seen_offsets, seen_items = model._seen(all_ids[chosen])
    seen_keys = _keys(seen_offsets, seen_items, num_items)
    repeats = _contains(seen_keys, keys)
    if exclude_seen:
        keys = keys[~repeats]
    counted = unknown if unknown_items == "count" else np.zeros_like(unknown)
    size = np.bincount(keys // max(num_items, 1), minlength=len(chosen)) + counted
    kept = np.flatnonzero(size > 0)

    protocol = Protocol(
        catalogue=num_items,
        exclude_seen=exclude_seen,
        subjects=subjects,
        unknown_items=unknown_items,
        auc_against=auc_against,
        test_subjects=len(subject_rows),
        unknown_subjects=int(np.count_nonzero(~knows)),
        without_truth=len(chosen) - len(kept),
        evaluated=len(kept),
        pairs=len(keys) + int(counted.sum()),
        repeats=int(np.count_nonzero(repeats)),
        unknown_item_pairs=int(unknown.sum()),
        folded=folded,
    )
    if len(kept) == 0:
        raise InvalidArgumentError(
            f"nobody is left to evaluate: {protocol.describe()}. Is this the test part of the "
            "split that the model was trained on?"
        )
    position = np.full(len(chosen), -1, dtype=np.int64)
    position[kept] = np.arange(len(kept))
    truth_rows = position[keys // max(num_items, 1)]
    seen_rows, kept_seen = _rows_of(seen_offsets, seen_items, kept)
    return Truth(
        subject_ids=all_ids[chosen[kept]],
        offsets=_offsets(truth_rows, len(kept)),
        items=(keys % max(num_items, 1)).astype(np.int32),
        seen_offsets=_offsets(seen_rows, len(kept)),
        seen_items=kept_seen.astype(np.int32),
        unknown=counted[kept].astype(np.int32),
        protocol=protocol,
    )


def _id_array(ids: Any) -> NDArray[Any]:
    array = np.asarray(ids)
    return array if array.dtype.kind in "iu" else array.astype(object)


def _rows_of(
    offsets: NDArray[np.int64], items: NDArray[np.int32], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row number (within `chosen`) and item of every entry of the chosen rows, row by row."""
    starts = offsets[chosen]
    lengths = offsets[chosen + 1] - starts
    rows = np.repeat(np.arange(len(chosen), dtype=np.int64), lengths)
    within = np.arange(len(rows), dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return rows, items[np.repeat(starts, lengths) + within].astype(np.int64)


def _keys(
    offsets: NDArray[np.int64], items: NDArray[np.int32], num_items: int
) -> NDArray[np.int64]:
    rows = np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))
    return rows * num_items + np.asarray(items, dtype=np.int64)


def _contains(haystack: NDArray[np.int64], needles: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each needle is in the ascending haystack."""
    if len(haystack) == 0:
        return np.zeros(len(needles), dtype=bool)
    at = np.minimum(np.searchsorted(haystack, needles), len(haystack) - 1)
    return np.asarray(haystack[at] == needles)


def _offsets(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    out = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=out[1:])
    return out
