"""What a pipeline's bundle holds for live events: segments, types of events, who is who."""

from __future__ import annotations

from typing import Any

from .errors import InvalidArgumentError
from .events.taxonomy import Taxonomy
from .features.plan import Plan
from .features.state import State
from .identity.identity import Identity
from .segments.segment_set import SegmentSet

__all__ = ["check_live_parts", "live_parts", "plan_of", "position_of", "segments_of"]


def position_of(told: str | None) -> tuple[str, int]:
    """The id of a log, and the last of its records, of an `EventLog.position`.

    Raises
    ------
    InvalidArgumentError
    """
    if told is None or told == "":
        return "", 0
    log, colon, through = str(told).rpartition(":")
    if not colon or not log or not through.isdecimal():
        raise InvalidArgumentError(
            f"Pipeline.fit: log_position must be what event_log() gave, not {told!r}"
        )
    return log, int(through)


def check_live_parts(identity: Any, segments: Any, taxonomy: Any) -> None:
    """Refuse what is none of these.

    Raises
    ------
    InvalidArgumentError
    """
    for name, value, kind in (
        ("identity", identity, Identity),
        ("segments", segments, SegmentSet),
        ("taxonomy", taxonomy, Taxonomy),
    ):
        if value is not None and not isinstance(value, kind):
            raise InvalidArgumentError(
                f"Pipeline: {name} must be a penchant {kind.__name__}, not {type(value).__name__}"
            )
    if segments is not None and segments.scores:
        raise InvalidArgumentError(
            f"Pipeline: segments ask for scores ({', '.join(segments.scores)}), which nobody gives "
            "while serving; keep those rules in a SegmentSet of their own"
        )


def segments_of(features: Plan | None, segments: SegmentSet | None) -> SegmentSet | None:
    """The pipeline's own, or those of the plan.

    Raises
    ------
    InvalidArgumentError
        When both have some.
    """
    of_plan = None if features is None else features.segments
    if segments is not None and of_plan is not None:
        raise InvalidArgumentError("Pipeline: features and segments= both have segments; name one")
    return segments if of_plan is None else of_plan


def plan_of(features: Plan | None, segments: SegmentSet | None) -> Plan | None:
    """One plan of both: the features, then what rules ask for beside them."""
    return features if segments is None else segments.over(features).plan


def live_parts(
    segments: SegmentSet | None,
    plan: Plan | None,
    state: State | None,
    taxonomy: Taxonomy | None,
    identity: Identity | None,
) -> tuple[str, Any, Any]:
    """Rules of segments as JSON over the state's codes, the core's taxonomy and identity."""
    rules = ""
    if segments is not None and state is not None and plan is not None:
        rules = segments.over(plan).document(state)
    return (
        rules,
        None if taxonomy is None else taxonomy._core,
        None if identity is None else identity._linked(),
    )
