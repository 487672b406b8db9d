"""Events of other trackers as ours, by declared mappings."""

from __future__ import annotations

import json
from collections.abc import Mapping as MappingOf
from importlib import resources
from pathlib import Path
from typing import Any

from .. import _core
from ..errors import NotFoundError
from ._yaml import json_text, read_yaml

__all__ = ["Mapping", "mapping"]


class Mapping:
    """A declared mapping: which event of theirs is which of ours, and where its members come from.

    Get one from `mapping` by name, or from `from_yaml`.
    """

    def __init__(self, core: _core.Mapping) -> None:
        self._core = core

    @classmethod
    def from_yaml(cls, source: str | Path) -> Mapping:
        """Read a mapping from a YAML file or from YAML text.

        Raises
        ------
        InvalidArgumentError
            Where it makes no sense, with the place.
        """
        return cls(_core.Mapping.from_json(json_text(read_yaml(source, "mapping"))))

    @property
    def name(self) -> str:
        """As declared."""
        return self._core.name

    def apply(self, event: str | bytes | MappingOf[str, Any]) -> Any:
        """Map one event.

        Returns
        -------
        list of dict, or Rejection
            Events for `Taxonomy.read`, most often one; or why there are none.
        """
        from .taxonomy import _rejection

        if isinstance(event, MappingOf):
            event = json_text(dict(event))
        found = self._core.apply(event if isinstance(event, bytes) else event.encode())
        if isinstance(found, tuple):
            return _rejection(found)
        return [json.loads(one) for one in found]

    def __repr__(self) -> str:
        return f"<Mapping {self.name!r}>"


def _files() -> dict[str, Any]:
    folder = resources.files(__package__) / "mappings"
    return {
        entry.name.removesuffix(".yaml"): entry
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }


def mapping(name: str) -> Mapping:
    """Return a mapping that comes with the package.

    Parameters
    ----------
    name
        "segment" (Segment and RudderStack, e-commerce spec) or "snowplow" (Snowplow e-commerce).

    Raises
    ------
    NotFoundError
        When there is none of that name.
    """
    files = _files()
    if name not in files:
        raise NotFoundError(f"no mapping {name!r}; there are {', '.join(sorted(files))}")
    return Mapping.from_yaml(files[name].read_text(encoding="utf-8"))
