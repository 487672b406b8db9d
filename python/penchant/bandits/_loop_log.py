"""A loop's joined log as Arrow columns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["log_columns"]


def log_columns(raw: dict[str, Any], *, json_subjects: bool = False) -> dict[str, Any]:
    """Name, type and null the columns that the core read.

    An engine logs subjects as it logs arms, as JSON texts of their ids.
    """
    reward = raw["reward"]
    subjects = [one or None for one in raw["subject"]]
    return {
        "decision_id": pa.array(raw["decision_id"], pa.uint64()),
        "time": pa.array(raw["time"], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "placement": pa.array(raw["placement"], pa.string()),
        "subject": _ids(subjects) if json_subjects else pa.array(subjects, pa.string()),
        "policy": pa.array(raw["policy"], pa.string()),
        "policy_version": pa.array(raw["policy_version"], pa.string()),
        "arm": _ids(raw["arm"]),
        "slot": pa.array(raw["slot"], pa.int32()),
        "propensity": pa.array(raw["propensity"], pa.float64()),
        "reward": pa.array(reward, pa.float64(), mask=np.isnan(reward)),
        "rewarded": pa.array(raw["rewarded"].astype(bool)),
        "closed": pa.array(raw["closed"].astype(bool)),
        "seed": pa.array(raw["seed"], pa.uint64()),
        "candidates_hash": pa.array(raw["candidates_hash"], pa.uint64()),
        "context": _lists(raw["context"], raw["context_width"]),
        "arm_features": _lists(raw["features"], raw["feature_width"]),
    }


def _ids(texts: list[str | None]) -> pa.Array:
    """Ids from their JSON texts: integers, or, where any is a text, all as texts."""
    ids = [None if text is None else json.loads(text) for text in texts]
    numbers = [one for one in ids if isinstance(one, int)]
    if len(numbers) == len(ids) - ids.count(None) and (numbers or not ids):
        return pa.array(ids, pa.int64())
    return pa.array([one if one is None else str(one) for one in ids], pa.string())


def _lists(values: Any, widths: Any) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values, pa.float64()))
