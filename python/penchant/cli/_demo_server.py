"""The demo's server: start it, ask it over a socket, time it, stop it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._server_binary import server_path
from ..errors import UnavailableError

__all__ = ["Connection", "Latency", "measure", "serving"]

_ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
_PATIENCE = 60.0  # seconds until the server listens


@contextmanager
def serving(bundle: Path, log: Path, data: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run penchant-serve on a free loopback port; yield the process and the port.

    What it says goes to `log`, what it decides and learns to the folder `data`, which is made anew.
    Raises UnavailableError, with its last words, when it fails.
    """
    shutil.rmtree(data, ignore_errors=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [server_path(), bundle, "--listen", "127.0.0.1:0", "--data", data],
            stdout=out, stderr=out,
        )  # fmt: skip
    try:
        yield process, _wait_for_port(process, log)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> float:
    """Ask it to end as a supervisor would (SIGTERM); return the seconds that took."""
    start = time.perf_counter()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return time.perf_counter() - start


def _wait_for_port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if match := _ADDRESS.search(log.read_text(errors="replace")):
            port = int(match[1])
            try:
                if Connection(port).get("/readyz")[0] == 200:
                    return port
            except OSError:
                pass
        time.sleep(0.02)
    words = " / ".join(log.read_text(errors="replace").splitlines()[-5:])
    raise UnavailableError(f"penchant-serve did not come up: {words or 'it said nothing'}")


class Connection:
    """One keep-alive HTTP connection, thin enough not to hide the server's own time."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body."""
        return self._exchange(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def recommend(self, request: dict[str, Any]) -> tuple[int, bytes]:
        """POST a request to /v1/recommend; return status and body."""
        return self._exchange(self.encode(request))

    @staticmethod
    def encode(request: dict[str, Any]) -> bytes:
        """Return the HTTP message of a request."""
        body = json.dumps(request).encode()
        head = (
            "POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _exchange(self, message: bytes) -> tuple[int, bytes]:
        self._socket.sendall(message)
        data = self._rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head = data[:end].decode("latin-1")
        match = re.search(r"(?im)^content-length:\s*(\d+)", head)
        size = int(match[1]) if match else 0
        stop_at = end + 4 + size
        while len(data) < stop_at:
            data += self._receive()
        self._rest = data[stop_at:]
        return int(head.split(" ", 2)[1]), data[end + 4 : stop_at]

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@dataclass(frozen=True)
class Latency:
    """Round trips of one client, seconds.

    Attributes
    ----------
    seconds : list of float
        Ascending.
    """

    seconds: list[float]

    def percentile(self, share: float) -> float:
        """Return the time that a share (0 to 1) of the requests stayed within."""
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def measure(port: int, requests: Sequence[dict[str, Any]]) -> tuple[Latency, list[bytes]]:
    """Send the requests one after the other; return their times and the bodies."""
    connection = Connection(port)
    messages = [Connection.encode(request) for request in requests]
    for message in messages[:50]:
        connection._exchange(message)
    times, bodies = [], []
    for message in messages:
        start = time.perf_counter()
        status, body = connection._exchange(message)
        times.append(time.perf_counter() - start)
        if status != 200:
            raise UnavailableError(f"the server answered {status}: {body[:200].decode()}")
        bodies.append(body)
    connection.close()
    return Latency(sorted(times)), bodies
