"""A loop's joined log as Arrow columns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["Dropped", "dropped_of", "log_columns", "with_dropped"]

_KEY = "penchant.dropped"


@dataclass(frozen=True)
class Dropped:
    """What a loop's log no longer has: the oldest records, dropped by ``keep`` or ``keep_bytes``.

    Attributes
    ----------
    decisions, records, bytes : int
        How many; a reward is a record, too.
    until : datetime, or None
        The log's time after the last of them; None where that is not known.
    """

    decisions: int
    records: int
    bytes: int
    until: datetime | None

    def __str__(self) -> str:
        when = "" if self.until is None else f" up to {self.until:%Y-%m-%d %H:%M:%S}"
        return f"{self.decisions:,} decisions{when} are no longer in the log"

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Dropped | None:
        """From what the core says; None where nothing was dropped."""
        if not raw["records"]:
            return None
        micros = raw["until"]
        until = None if micros is None else _EPOCH + timedelta(microseconds=micros)
        return cls(raw["decisions"], raw["records"], raw["bytes"], until)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def with_dropped(frame: Any, raw: dict[str, Any]) -> Any:
    """Write into a frame, where its kind has room, what is missing before it."""
    if not raw["records"]:
        return frame
    if isinstance(frame, pa.Table):
        return frame.replace_schema_metadata(
            {**(frame.schema.metadata or {}), _KEY: json.dumps(raw)}
        )
    if hasattr(frame, "attrs"):  # pandas
        frame.attrs[_KEY] = raw
    return frame


def dropped_of(source: Any, table: pa.Table) -> Dropped | None:
    """Read that again, from a frame or from the table that was read of it."""
    raw = getattr(source, "attrs", {}).get(_KEY)
    text = (table.schema.metadata or {}).get(_KEY.encode())
    if raw is None and text is not None:
        raw = json.loads(text)
    return None if raw is None else Dropped.of(raw)


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
