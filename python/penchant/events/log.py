"""The log of events that a pipeline or a server keeps, to train on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from .. import _core
from ..identity._key import Key
from .taxonomy import Taxonomy

__all__ = ["EventLog", "read_log"]


class EventLog(NamedTuple):
    """What was taken of events, and how much of the log that is.

    ``events`` is a frame, a row a line, as `Taxonomy.check` gives them: ``subject`` (the profile
    that it belongs to now), ``item``, ``time``, ``type``, ``event_id``, ``order_id``, ``quantity``,
    ``price`` and fields by their names; ids are texts. ``position`` is for
    `Pipeline.fit(..., log_position=)`: what was trained on is not counted again where the log goes
    on. Empty where events are kept in memory.
    """

    events: Any
    position: str

    @classmethod
    def of(cls, told: tuple[bytes, str, int], taxonomy: Any, format: str) -> EventLog:  # noqa: A002
        """Of what the core says: JSON lines, the log's id, its last record."""
        lines, log, through = told
        events = Taxonomy(taxonomy).check_lines(lines, format=format).events
        return cls(events, f"{log}:{through}" if log else "")


def read_log(
    path: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    identity_key: str | bytes | Key | None = None,
    format: str = "pandas",  # noqa: A002
) -> EventLog:
    """Read the events in a server's folder, also while it runs.

    Parameters
    ----------
    path
        The bundle that is served: it says what events there are, and who is who.
    data
        The folder (``penchant-serve --data``).
    identity_key
        The key of the bundle's identity, where it has one.
    format : {"pandas", "polars", "pyarrow"}

    Raises
    ------
    NotFoundError
        There is no bundle or no log.
    CorruptBundleError, BadDataError
        They can't be read.

    Examples
    --------
    >>> taken = pn.events.read_log("shop.penchant", "./state")
    >>> renewed.fit(data_with(taken.events), log_position=taken.position)
    """
    key = Key.of(identity_key)
    engine = _core.Engine.open(os.fspath(path))
    folder = Path(data) / "events"
    told = _core.event_lines_of_folder(engine, folder, b"" if key is None else key.reveal())
    return EventLog.of(told, engine.taxonomy, format)
