"""A server over a bundle, for as long as a test wants it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import penchant as pn
from penchant._server_binary import server_path


@contextmanager
def serving(bundle: Path, data: Path | None, *more: str) -> Iterator[pn.Client]:
    """Start it with `data` as its folder; give a client."""
    command = [str(server_path()), str(bundle), "--listen", "127.0.0.1:0", "--log-level", "error"]
    command += [] if data is None else ["--data", str(data)]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            with pn.Client(f"http://{address}") as client:
                yield client
        finally:
            process.terminate()
            process.wait(30)
