"""Sets of segments as YAML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ..errors import InvalidArgumentError
from ..features.plan import Plan
from .segment import Segment

__all__ = ["segments_of_yaml", "set_of_yaml", "set_to_yaml"]

_MEMBERS = ("features", "scores", "segments")


def set_to_yaml(
    segments: Sequence[Segment], plan: Plan | None, scores: Sequence[str], path: str | Path | None
) -> str:
    """The text, written to `path` if given."""
    document: dict[str, Any] = {}
    if plan is not None:
        document["features"] = yaml.safe_load(plan.to_yaml())["features"]
    if scores:
        document["scores"] = list(scores)
    document["segments"] = {one.name: one.rule for one in segments}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def set_of_yaml(source: str | Path) -> dict[str, Any]:
    """What `SegmentSet` is made of."""
    text = str(source)
    if isinstance(source, Path) or "\n" not in text:
        text = Path(source).read_text(encoding="utf-8")
    try:
        document = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise InvalidArgumentError(f"a set of segments that is no YAML: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("segments"), dict):
        raise InvalidArgumentError(
            "a set of segments in YAML has 'segments', names with their rules"
        )
    for member in document:
        if member not in _MEMBERS:
            raise InvalidArgumentError(
                f"a set of segments in YAML has no {member!r}; there are {', '.join(_MEMBERS)}"
            )
    segments = segments_of_yaml(document["segments"])
    plan = None
    if document.get("features") is not None:
        plan = Plan.from_yaml(yaml.safe_dump({"features": document["features"]}) + "\n")
    scores = document.get("scores") or []
    if not isinstance(scores, list):
        raise InvalidArgumentError("scores in YAML are a list of names")
    return {
        "segments": segments,
        "plan": plan,
        "scores": [str(one) for one in scores],
    }


def segments_of_yaml(named: Any) -> list[Segment]:
    """Segments of a mapping of names to rules."""
    if not isinstance(named, dict):
        raise InvalidArgumentError("'segments' in YAML are names with their rules")
    for name, rule in named.items():
        if not isinstance(rule, str):
            raise InvalidArgumentError(f"segment {name!r} in YAML: a rule is a text, not {rule!r}")
    return [Segment(str(name), rule) for name, rule in named.items()]


class _Loader(yaml.SafeLoader):
    """Refuses a name that is there twice, where YAML itself keeps the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise InvalidArgumentError(
                    f"line {key.start_mark.line + 1}: {key.value!r} is there twice"
                )
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made
