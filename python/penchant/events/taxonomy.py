"""The types of events there are, and the door that events come through."""

from __future__ import annotations

import json
from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Any, NamedTuple

from .. import _core
from ..data._frames import Table
from ..data._times import time_micros
from ..errors import NotFoundError
from ._columns import frame_columns
from ._json_schema import type_schema
from ._yaml import json_text, read_yaml
from .checked import Checked
from .mapping import Mapping

__all__ = ["Rejection", "Taxonomy"]


class Rejection(NamedTuple):
    """Why an event was not taken.

    Attributes
    ----------
    reason
        A code: "missing", "out_of_range", "future", ...
    message
        What was wrong and where.
    payload_hash
        XXH3-64 of the bytes as they came, 16 hex digits.
    """

    reason: str
    message: str
    payload_hash: str


def _rejection(found: tuple[str, str, int]) -> Rejection:
    return Rejection(found[0], found[1], f"{found[2]:016x}")


def _received(value: Any) -> int | None:
    return None if value is None else time_micros(value, "received")


class Taxonomy:
    """Named, versioned types of events, each with a schema. Never changes.

    Get one from `default`, `from_yaml` or `from_dict`; `add` gives another with a type more.

    Examples
    --------
    >>> taxonomy = Taxonomy.default().add("wishlist", item="required")
    >>> taxonomy.read({"type": "wishlist", "subject": "anna", "item": "a", "time": "2026-11-29"})
    """

    def __init__(self, core: _core.Taxonomy) -> None:
        self._core = core

    @classmethod
    def default(cls) -> Taxonomy:
        """Return the types that every shop has."""
        return cls(_core.Taxonomy.builtin())

    @classmethod
    def from_yaml(cls, source: str | Path, *, default: bool = True) -> Taxonomy:
        """Read a taxonomy from a YAML file or from YAML text.

        Parameters
        ----------
        source
            A path, or the text.
        default
            Whether to add to the types of `default`, replacing those of the same name.

        Raises
        ------
        InvalidArgumentError
            Where the declaration makes no sense, with the place.
        """
        return cls.from_dict(read_yaml(source, "taxonomy"), default=default)

    @classmethod
    def from_dict(cls, declared: MappingOf[str, Any], *, default: bool = True) -> Taxonomy:
        """Make a taxonomy of plain data in the form of the YAML; see `from_yaml`."""
        text = json_text(declared)
        core = _core.Taxonomy.builtin().extended(text) if default else None
        return cls(core or _core.Taxonomy.from_json(text))

    def add(self, name: str, **declared: Any) -> Taxonomy:
        """Return this taxonomy with one type more, or another in the place of the same name.

        Parameters
        ----------
        name
            Of the type.
        **declared
            ``version``, ``minimal``, ``in_session``, ``subject``, ``item``, ``fields``,
            ``migrate``, as in YAML.
        """
        return Taxonomy(self._core.extended(json_text({"types": {name: declared}})))

    @property
    def types(self) -> list[str]:
        """Names of the types."""
        return self._core.type_names()

    @property
    def fields(self) -> dict[str, str]:
        """Kind of each declared field that has a column of its own, by name."""
        return dict(self._core.slots())

    def to_dict(self) -> dict[str, Any]:
        """Return the whole declaration as plain data."""
        declared: dict[str, Any] = json.loads(self._core.to_json())
        return declared

    def json_schema(self, type: str) -> dict[str, Any]:  # noqa: A002
        """Return the JSON Schema (draft 2020-12) of an event of a type, at its newest version.

        It says what JSON Schema can: not that times must not be in the future, nor bounds of
        decimals that are written as text.
        """
        declared = self.to_dict()
        for one in declared["types"]:
            if one["name"] == type:
                return type_schema(one, declared)
        raise NotFoundError(f"no type {type!r}; there are {', '.join(self.types)}")

    def read(self, event: str | bytes | MappingOf[str, Any], received: Any = None) -> Any:
        """Check one event.

        Parameters
        ----------
        event
            JSON, or a mapping in its form.
        received
            When it came (ISO 8601 text or datetime); where None, the event's own `received`.

        Returns
        -------
        dict or Rejection
            The event at its newest version, unknown fields of minimal types left out; or why not.
        """
        if isinstance(event, MappingOf):
            event = json_text(dict(event))
        text = event if isinstance(event, bytes) else event.encode()
        found = self._core.read(text, _received(received))
        return _rejection(found) if isinstance(found, tuple) else json.loads(found)

    def check(
        self,
        frame: Any,
        *,
        type: str | None = None,  # noqa: A002
        columns: MappingOf[str, str] | None = None,
        received: Any = None,
        time_unit: str = "s",
    ) -> Checked:
        """Check a frame of events, all at once.

        Parameters
        ----------
        frame
            pandas, polars or pyarrow, a row an event. Columns are called as the members of an
            event are: ``event_id``, ``type``, ``version``, ``time``, ``received``, ``subject``,
            ``item``, ``identifiers.email``, ``context.device``, and the fields by their names
            (``order_id``, ``quantity``, ``price``, ``currency``). A row of a type with lines has
            one; rows that follow each other with the same event id are lines of one event.
        type
            Of all rows, where there is no such column.
        columns
            What the frame calls a member otherwise, such as ``{"subject": "customer"}``.
        received
            When all of it came, where there is no such column.
        time_unit
            Of times that are numbers: "s", "ms", "us" or "ns".

        Raises
        ------
        InvalidArgumentError
            When a named column is not there, or there is no type.
        """
        source = Table(frame)
        read = frame_columns(source, self.to_dict(), dict(columns or {}), time_unit)
        table = _core.EventTable(self._core)
        bad = table.read_columns(len(source), read.columns, type or "", _received(received))
        return Checked._of_frame(self._core, table, bad, source, read)

    def check_lines(
        self,
        lines: str | bytes | Path,
        *,
        mapping: Mapping | None = None,
        received: Any = None,
        format: str | None = None,  # noqa: A002
    ) -> Checked:
        """Check many events as JSON, one object a line.

        Parameters
        ----------
        lines
            The bytes, the text, or the path of a file.
        mapping
            Where they are of another tracker.
        received
            When all of it came; where None, the events' own `received`.
        format
            Of the frames that come back: "pandas", "polars" or "pyarrow".
        """
        if isinstance(lines, Path):
            if not lines.is_file():
                raise NotFoundError(f"{lines}: no such file")
            lines = lines.read_bytes()
        data = lines.encode() if isinstance(lines, str) else bytes(lines)
        table = _core.EventTable(self._core)
        core = None if mapping is None else mapping._core
        bad = table.read_json_lines(data, _received(received), core)
        return Checked._of_lines(self._core, table, bad, format)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Taxonomy) and self._core.to_json() == other._core.to_json()

    def __hash__(self) -> int:
        return hash(self._core.to_json())

    def __reduce__(self) -> Any:
        return _from_json, (self._core.to_json(),)

    def __repr__(self) -> str:
        return f"<Taxonomy: {', '.join(self.types)}>"


def _from_json(text: str) -> Taxonomy:
    return Taxonomy(_core.Taxonomy.from_json(text))
