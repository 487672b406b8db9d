"""Bundles: the one file that a fitted pipeline becomes.

    pipeline.save("shop.penchant")
    pn.inspect("shop.penchant")["lineage"]
    pipeline = pn.load("shop.penchant")

The format is specified in ``docs/bundle_format/v1.md``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from typing import TYPE_CHECKING, Any

from . import _core
from .errors import CorruptBundleError
from .identity._key import Key

if TYPE_CHECKING:
    from .pipeline import Pipeline

__all__ = ["inspect", "load"]

_GOLDEN_REQUESTS = "goldens/requests"


def load(
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    identity_key: str | bytes | Key | None = None,
    keep: str | dt.timedelta | None = None,
    keep_bytes: int | None = None,
) -> Pipeline:
    """Load the pipeline that was saved at ``path``.

    The file is memory-mapped; nothing in it is executed or unpickled. Every checksum is verified
    and the golden requests are answered again before this returns.

    Parameters
    ----------
    path
        A file written by ``Pipeline.save``.
    data
        A folder where decisions and rewards are kept, for placements whose policy learns (the
        server's ``--data``); what it holds is learnt again. None: in memory.
    identity_key
        The key of the pipeline's identity, where it was made with one: without it, events are not
        taken.
    keep
        How old decisions and their rewards may get, '90d' or a timedelta, longer than every
        placement's deadline (the server's ``--keep-decisions``): older ones are dropped with each
        snapshot, what they taught stays (docs/bandit_loop.md). None: they are kept.
    keep_bytes
        How many bytes of decisions are kept, the latest (``--keep-decision-bytes``). None: all.

    Returns
    -------
    Pipeline
        Fitted, giving the very answers of the one that was saved.

    Raises
    ------
    NotFoundError
        There is no such file.
    PenchantIOError
        The system refused to read it.
    CorruptBundleError
        It is no bundle, is damaged, needs a newer version, or fails its own golden requests.
    """
    from ._feedback import LiveOptions
    from .pipeline import Pipeline

    options = LiveOptions.of(data, Key.of(identity_key), keep, keep_bytes)
    return Pipeline._load(os.fspath(path), options)


def inspect(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Say what a bundle holds and where it comes from, after verifying every checksum.

    Parameters
    ----------
    path
        A bundle file.

    Returns
    -------
    dict
        ``path`` and ``file_bytes`` (int); ``fingerprint`` (16 hex digits that name the content);
        ``header`` (``version`` of the format, ``oldest_reader``, ``producer``); ``lineage``
        (whatever the producer recorded: data hash, time range, parameters, seed); ``goldens``
        (number of golden requests, 0 without any); ``sections``, a list of dicts with ``name``,
        ``dtype`` (``u8 i32 i64 f32 f64``), ``shape`` (list), ``offset`` (from the start of the
        file), ``bytes`` and ``xxh3`` (16 hex digits).

    Raises
    ------
    NotFoundError
        There is no such file.
    PenchantIOError
        The system refused to read it.
    CorruptBundleError
        It is no bundle, is damaged or needs a newer version.
    """
    reader = _core.BundleReader.open(os.fspath(path))
    header: dict[str, Any] = json.loads(reader.header_json)
    lineage = header.pop("lineage")
    del header["sections"]
    return {
        "path": os.fspath(path),
        "file_bytes": int(reader.file_bytes.size),
        "fingerprint": reader.fingerprint,
        "header": header,
        "lineage": lineage,
        "goldens": _count_goldens(reader),
        "sections": [{**section, "shape": list(section["shape"])} for section in reader.sections],
    }


def _count_goldens(reader: _core.BundleReader) -> int:
    if not reader.has(_GOLDEN_REQUESTS):
        return 0
    try:
        requests = json.loads(reader.text(_GOLDEN_REQUESTS))
    except ValueError:
        requests = None
    if not isinstance(requests, list):
        raise CorruptBundleError(f"section {_GOLDEN_REQUESTS!r} is not a JSON list of requests")
    return len(requests)
