"""A loop's joined log as Arrow columns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["log_columns"]


def log_columns(raw: dict[str, Any]) -> dict[str, Any]:
    """Name, type and null the columns that the core read."""
    reward = raw["reward"]
    arms = [json.loads(arm) for arm in raw["arm"]]
    texts = bool(arms) and any(isinstance(arm, str) for arm in arms)
    if texts:  # arms of both kinds are shown as texts
        arms = [arm if isinstance(arm, str) else str(arm) for arm in arms]
    return {
        "decision_id": pa.array(raw["decision_id"], pa.uint64()),
        "time": pa.array(raw["time"], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "placement": pa.array(raw["placement"], pa.string()),
        "subject": pa.array([one or None for one in raw["subject"]], pa.string()),
        "policy": pa.array(raw["policy"], pa.string()),
        "policy_version": pa.array(raw["policy_version"], pa.string()),
        "arm": pa.array(arms, pa.string() if texts else pa.int64()),
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


def _lists(values: Any, widths: Any) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values, pa.float64()))
