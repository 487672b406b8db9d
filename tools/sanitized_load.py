"""Load penchant-serve, built under ASan and TSan, for some seconds; fail on any report.

    .venv/bin/python tools/sanitized_load.py [--seconds 30] [--presets asan tsan]

A bundle of a simulated shop is served; several clients send known people, strangers, baskets, long
lists, explanations and nonsense over kept and over broken connections. Then SIGTERM, mid-load.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = re.compile(
    r"ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:|LeakSanitizer"
)


def make_bundle(path: Path) -> list[bytes]:
    """Train on a simulated shop; return HTTP messages to send."""
    import json

    import penchant as pn

    world = pn.simulate.retail(subjects=400, items=250, days=60, seed=11)
    data = pn.Dataset.from_events(world.events, subject="subject", item="item", time="time")
    pn.Pipeline().fit(data).save(path)
    people, items = list(data.subject_ids), list(data.item_ids)
    bodies = [
        {"subject": people[0]},
        {"subject": people[1], "k": 200, "explain": True},
        {"subject": people[2], "context": {"basket": [str(items[0]), str(items[1])]}},
        {"subject": "a stranger"},
        {"subject": None, "k": 3},
        {"subject": people[3], "deny": [str(item) for item in items[:50]]},
        {"subject": people[4], "exclude_seen": True, "candidates": [str(i) for i in items[:9]]},
        {"subject": people[5], "k": 0},
        {"nonsense": 1},
    ]
    texts = [json.dumps(body).encode() for body in bodies] + [b"{", b"\xff\xfe", b""]
    posts = [
        b"POST /v1/recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(text) + text
        for text in texts
    ]
    gets = [b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % p for p in (b"/metrics", b"/readyz", b"/no")]
    return posts + gets


def answer_size(head: bytes) -> int:
    """Bytes of the body that a head announces."""
    match = re.search(rb"(?i)content-length: *(\d+)", head)
    return int(match[1]) if match else 0


def client(port: int, messages: list[bytes], until: float, seed: int, counts: list[int]) -> None:
    """Send until told to stop; reconnect when the server closes, and now and then on purpose."""
    rng = random.Random(seed)
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                for _ in range(rng.randrange(1, 200)):
                    if time.monotonic() > until:
                        return
                    message = rng.choice(messages)
                    if rng.random() < 0.01:  # hang up in the middle
                        connection.sendall(message[: rng.randrange(len(message))])
                        break
                    connection.sendall(message)
                    data = b""
                    while (end := data.find(b"\r\n\r\n")) < 0 or len(data) < end + 4 + answer_size(
                        data[:end]
                    ):
                        part = connection.recv(1 << 16)
                        if not part:
                            raise ConnectionError
                        data += part
                    counts[seed] += data.startswith(b"HTTP/1.1 200 ")
        except OSError:
            time.sleep(0.01)


def load(preset: str, bundle: Path, messages: list[bytes], seconds: float, folder: Path) -> bool:
    """Run one build of the server under load; say whether it stayed clean."""
    server = next((ROOT / "build" / preset).rglob("penchant-serve"))
    log = folder / f"{preset}.log"
    environment = {
        **os.environ,
        "ASAN_OPTIONS": "detect_leaks=1:halt_on_error=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=0",
        "TSAN_OPTIONS": f"suppressions={ROOT / 'tools' / 'tsan.supp'}:halt_on_error=0",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [server, bundle, "--listen", "127.0.0.1:0", "--log-level", "error"],
            stdout=subprocess.PIPE,
            stderr=out,
            env=environment,
        )
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    match = re.search(r":(\d+)\s*$", line)
    counts = [0] * 8
    if match:
        until = time.monotonic() + seconds
        clients = [
            threading.Thread(target=client, args=(int(match[1]), messages, until, i, counts))
            for i in range(len(counts))
        ]
        for thread in clients:
            thread.start()
        time.sleep(max(0.0, seconds - 0.5))
        process.send_signal(signal.SIGTERM)
        for thread in clients:
            thread.join()
    code = process.wait(60)
    said = log.read_text(errors="replace")
    good = bool(match) and code == 0 and not REPORT.search(said) and sum(counts) > 0
    verdict = "clean" if good else "NOT CLEAN"
    print(f"sanitized load: {preset}: {sum(counts):,} answers of 200, exit {code}: {verdict}")
    if not good:
        print(said[-6000:])
    return good


def main() -> int:
    """Load each build in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--presets", nargs="+", default=["asan", "tsan"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = folder / "shop.penchant"
        messages = make_bundle(bundle)
        results = [load(p, bundle, messages, options.seconds, folder) for p in options.presets]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
