"""Latency of penchant-serve over loopback, with the client on the same machine.

    .venv/bin/python benchmarks/serving/load.py [--rates 1000,3000,6000] [--seconds 10] [--require]

Two clients. `paced_client` is an open loop: requests leave at a fixed rate and are timed from the
moment they were meant to leave, so that a stall counts against everyone it delays. wrk is a closed
loop, shown beside it because it is what most people know.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import penchant as pn

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BAR_RATE, BAR_P99_MS = 1000, 2.0
CONNECTIONS = 16
COLUMNS = ("p50", "p90", "p99", "p999", "max")


def make_bundle(path: Path) -> None:
    """A shop of 3,600 items, with the sources a default pipeline has (ALS searched exactly)."""
    world = pn.simulate.retail(subjects=4000, items=3600, days=120, seed=1)
    data = pn.Dataset.from_events(
        world.events, subject="subject", item="item", time="time", half_life="60d"
    )
    pn.Pipeline().fit(data).save(path)
    write_requests(path.with_suffix(".jsonl"), list(data.subject_ids), list(data.item_ids))


def write_requests(path: Path, subjects: list[Any], items: list[Any], count: int = 4000) -> None:
    """Eight in ten known, one unknown, one with a basket and explained."""
    draw = random.Random(1)
    with path.open("w", encoding="utf-8") as out:
        for i in range(count):
            subject = _plain(draw.choice(subjects))
            request: dict[str, Any] = {"subject": subject, "k": 10}
            if i % 10 == 8:
                request["subject"] = f"stranger-{i}"
            elif i % 10 == 9:
                basket = [_plain(item) for item in draw.sample(items, 3)]
                request.update(context={"basket": basket}, explain=True)
            out.write(json.dumps(request) + "\n")


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


@contextlib.contextmanager
def serving(
    binary: Path, bundle: Path, *options: str
) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Run a server on a free port; stopped by SIGTERM, whose exit code must be 0."""
    process = subprocess.Popen(
        [binary, bundle, "--listen", "127.0.0.1:0", *options], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit(f"{binary} did not start (exit code {process.wait(10)})")
        yield int(line.rsplit(":", 1)[1]), process
        process.send_signal(signal.SIGTERM)
        if (code := process.wait(60)) != 0:
            raise SystemExit(f"{binary} ended with exit code {code}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def paced(
    client: Path, port: int, rate: int, seconds: float, bodies: Path, arrivals: str
) -> dict[str, Any]:
    """One open-loop run; `arrivals` is "even" or "poisson"."""
    done = subprocess.run(
        [client, str(port), str(rate), str(seconds), str(CONNECTIONS), bodies, arrivals],
        capture_output=True,
        text=True,
        timeout=seconds * 4 + 60,
    )
    if not done.stdout:
        raise SystemExit(done.stderr.strip() or "paced_client said nothing")
    return dict(json.loads(done.stdout))


def wrk(port: int, seconds: float, bodies: Path, connections: int, delay_ms: int) -> dict[str, Any]:
    """One closed-loop run."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{int(seconds)}s", "-s", HERE / "recommend.lua",
         f"http://127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "BODIES": str(bodies), "DELAY_MS": str(delay_ms)},
        timeout=seconds * 2 + 60,
    )  # fmt: skip
    result = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return dict(json.loads(result.removeprefix("RESULT ")))


def row(name: str, result: dict[str, Any]) -> str:
    times = "".join(f"{result['latency'][column] / 1000:>9.3f}" for column in COLUMNS)
    return f"{name:<26}{result['achieved']:>10.0f}{times}{result['errors']:>8}"


def measure(options: argparse.Namespace, bundle: Path, client: Path) -> list[dict[str, Any]]:
    """All runs against one server; prints a row each."""
    bodies = bundle.with_suffix(".jsonl")
    results: list[dict[str, Any]] = []

    def keep(name: str, result: dict[str, Any]) -> None:
        results.append({"name": name, **result})
        print(row(name, result), flush=True)

    print(
        f"{'load':<26}{'answers/s':>10}"
        + "".join(f"{c + ' ms':>9}" for c in COLUMNS)
        + f"{'errors':>8}"
    )
    with serving(options.server, bundle, "--threads", str(options.threads)) as (port, _):
        paced(client, port, 200, 1, bodies, "even")  # warm
        for rate in options.rates:
            result = paced(client, port, rate, options.seconds, bodies, "even")
            keep(f"open, {rate}/s even", result)
        result = paced(client, port, BAR_RATE, options.seconds, bodies, "poisson")
        keep(f"open, {BAR_RATE}/s Poisson", result)
        if shutil.which("wrk"):
            keep("wrk, 4 conns, 4 ms pause", wrk(port, options.seconds, bodies, 4, 4))
            keep("wrk, 8 conns, no pause", wrk(port, options.seconds, bodies, 8, 0))
        served = pn.Client(f"http://127.0.0.1:{port}").metrics()
    fine = served['penchant_http_requests_total{route="recommend",code="200"}']
    print(f"the server counts {fine:.0f} recommendations")
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--server", type=Path, default=Path(sys.executable).parent / "penchant-serve"
    )
    parser.add_argument("--bundle", type=Path, help="with its requests beside it as .jsonl")
    parser.add_argument("--rates", default="1000,3000,6000",
                        type=lambda text: [int(rate) for rate in text.split(",")])  # fmt: skip
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the results there")
    parser.add_argument("--require", action="store_true", help="exit 1 when the bar is missed")
    options = parser.parse_args()

    subprocess.run([ROOT / "tools" / "build.sh", "release", "paced_client"], check=True)
    client = ROOT / "build" / "release" / "benchmarks" / "serving" / "paced_client"
    with tempfile.TemporaryDirectory() as folder:
        bundle = options.bundle or Path(folder) / "shop.penchant"
        if options.bundle is None:
            make_bundle(bundle)
        results = measure(options, bundle, client)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    if any(result["errors"] for result in results):
        print("some requests failed")
        return 1
    if BAR_RATE not in options.rates:
        return 0
    p99 = (
        next(r for r in results if r["name"] == f"open, {BAR_RATE}/s even")["latency"]["p99"] / 1000
    )
    met = p99 < BAR_P99_MS
    verdict = "met" if met else "missed"
    print(f"p99 at {BAR_RATE}/s: {p99:.3f} ms, the bar is {BAR_P99_MS} ms: {verdict}")
    return 0 if met or not options.require else 1


if __name__ == "__main__":
    sys.exit(main())
