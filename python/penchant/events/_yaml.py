"""YAML, as text or from a file, as the JSON that the core takes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import yaml

from ..errors import InvalidArgumentError, NotFoundError

__all__ = ["json_text", "read_yaml"]


def _plain(value: Any) -> str:
    # YAML makes dates of what looks like one.
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    raise InvalidArgumentError(f"{value!r} is a {type(value).__name__}, which JSON can't hold")


def json_text(value: Any) -> str:
    """Plain Python values as JSON.

    Raises
    ------
    InvalidArgumentError
        On what JSON can't hold.
    """
    try:
        return json.dumps(value, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"not plain data: {error}") from error


def read_yaml(given: str | Path, what: str) -> Any:
    """Read YAML from a path, or from text: what has a line break or a colon and a space.

    Raises
    ------
    InvalidArgumentError
        On text that is not YAML, with its line.
    NotFoundError
        On a path that is not there.
    """
    text = str(given)
    if isinstance(given, Path) or ("\n" not in text and ": " not in text and "{" not in text):
        path = Path(given)
        if not path.is_file():
            raise NotFoundError(f"{what}: {path}: no such file")
        text = path.read_text(encoding="utf-8")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        message = " ".join(str(error).split())
        raise InvalidArgumentError(f"{what}: not YAML: {message}") from error
