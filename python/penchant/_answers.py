"""Answers of the engine as frames."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from .data._frames import make_frame
from .models._base import id_column

__all__ = ["answer_frame"]


def answer_frame(
    answers: list[dict[str, Any]],
    sources: list[str] | None,
    ranked: bool,
    calibrated: bool,
    kind: str,
) -> Any:
    """Rows of answers as a frame of `kind`.

    Parameters
    ----------
    sources
        With explanations, the names of those that each have a column; else None.
    ranked
        Whether a column says what moved a ranker's scores.
    calibrated
        Whether a column has the probabilities that a ranker gave.
    """
    rows = [(answer, item) for answer in answers for item in answer["items"]]
    columns: dict[str, Any] = {
        "subject": id_column([answer["subject"] for answer, _ in rows]),
        "item": pa.array([item["item"] for _, item in rows]),
        "name": pa.array([item.get("name") for _, item in rows], pa.string()),
        "score": pa.array([item["score"] for _, item in rows], pa.float32()),
        "rank": pa.array([item["rank"] for _, item in rows], pa.int32()),
        "source": pa.array([item["source"] for _, item in rows], pa.string()),
        "reason_code": pa.array([item["reason"]["code"] for _, item in rows], pa.string()),
        "reason": pa.array([item["reason"]["text"] for _, item in rows], pa.string()),
        "fallback": pa.array([answer["fallback"] for answer, _ in rows], pa.string()),
        "level": pa.array([answer["level"] for answer, _ in rows], pa.string()),
    }
    if calibrated:
        columns["probability"] = pa.array(
            [item.get("probability") for _, item in rows], pa.float64()
        )
    if any("decision_id" in answer for answer in answers):
        columns["propensity"] = pa.array([item.get("propensity") for _, item in rows], pa.float64())
        columns["decision_id"] = pa.array(
            [each.get("decision_id") for each, _ in rows], pa.string()
        )
    if sources is not None:
        shares = [
            {share["source"]: share["contribution"] for share in item.get("shares", [])}
            for _, item in rows
        ]
        for name in sources:
            columns[f"from_{name}"] = pa.array(
                [share.get(name, 0.0) for share in shares], pa.float32()
            )
    if ranked:
        columns["ranked_by"] = pa.array(
            [_moved_by(item.get("ranker")) for _, item in rows], pa.string()
        )
    return make_frame(columns, kind)


def _moved_by(share: dict[str, Any] | None) -> str | None:
    """`times had before: 3 (+0.412); ...`."""
    if share is None:
        return None
    return "; ".join(f"{each['text']} ({each['contribution']:+.3f})" for each in share["features"])
