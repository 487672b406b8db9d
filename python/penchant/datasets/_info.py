"""What is known about a data set: licence, citation, facts, and which column plays which role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from penchant.datasets._files import File, Location

__all__ = ["Info", "Spec"]


@dataclass(frozen=True)
class Info:
    """The card of one data set.

    Attributes
    ----------
    name : str
        What `load` calls it.
    title : str
        What people call it.
    licence : str
        The terms under which the data may be used, and who said so.
    citation : str
        How to cite it.
    url : str
        The public place the files were taken from, pinned to a commit.
    facts : mapping of str to int
        Counts of the published files, before any cleaning; `load` results are tested against them.
    roles : mapping of str to str
        Keyword arguments for ``Dataset.from_events``: which column of the event frame is what.
        A set without time stamps has ``time`` set to None.
    tables : tuple of str
        What ``load(name, table=...)`` accepts; ``"events"`` comes first.
    """

    name: str
    title: str
    licence: str
    citation: str
    url: str
    facts: Mapping[str, int]
    roles: Mapping[str, str | None]
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Spec:
    """How one data set is read; each module of this package defines one and `_load` lists them.

    Attributes
    ----------
    info : Info
        The card.
    files : tuple of File
        What must lie in the folder.
    tables : mapping of str to function
        Reads a table from a location; the published columns of the main table are under ``"raw"``.
    fetch : function, optional
        ``fetch(cache, progress)`` fills the cache folder from the public source and checks it;
        None where the source publishes nothing that can be read from Python.
    cached : tuple of str
        The files that `fetch` leaves in the cache folder.
    """

    info: Info
    files: tuple[File, ...]
    tables: Mapping[str, Callable[[Location], pa.Table]]
    fetch: Callable[[Path, bool | None], Any] | None
    cached: tuple[str, ...]
