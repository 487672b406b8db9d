"""The native server that comes with the package."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .errors import UnavailableError

__all__ = ["main", "server_path"]


def server_path() -> Path:
    """Return the path of the bundled ``penchant-serve``.

    Raises
    ------
    UnavailableError
        When the package was installed without it.
    """
    path = Path(__file__).resolve().parent / "bin" / "penchant-serve"
    if not os.access(path, os.X_OK):
        raise UnavailableError(f"{path} is not there; build it with `make build`")
    return path


def main() -> None:
    """Become the server: the console script ``penchant-serve`` of an installed wheel."""
    try:
        server = os.fspath(server_path())
    except UnavailableError as error:
        print(f"penchant-serve: error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    os.execv(server, [server, *sys.argv[1:]])
