"""What a durable loop costs: deciding beside learning, rewards on the disk, replay.

    .venv/bin/python benchmarks/bandit_loop.py [--folder DIR] [--arms 100] [--dimension 32]

One process; each line says what it counts. The folder decides what an fsync costs.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import penchant as pn


def micros_each(act: Callable[[int], object], seconds: float) -> tuple[float, float]:
    """Median and 99th percentile of a call, in microseconds."""
    taken = []
    end = time.perf_counter() + seconds
    step = 0
    while (begin := time.perf_counter()) < end:
        act(step)
        taken.append(time.perf_counter() - begin)
        step += 1
    return float(np.median(taken) * 1e6), float(np.quantile(taken, 0.99) * 1e6)


def show(what: str, numbers: tuple[float, float]) -> None:
    """Print a line."""
    print(f"{what:58s} {numbers[0]:10.1f} {numbers[1]:10.1f}")


def measure(folder: Path, arms: int, dimension: int, seconds: float) -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    contexts = rng.standard_normal((512, dimension))
    names = [f"arm-{a}" for a in range(arms)]
    policy = pn.LinUCB(dimension=dimension, seed=1, threads=1)
    chosen = [names[a] for a in rng.integers(0, arms, 20 * arms)]
    policy.update(contexts[rng.integers(0, 512, 20 * arms)], chosen, rng.random(20 * arms))
    print(f"{'microseconds a call':58s} {'median':>10s} {'p99':>10s}")
    show(
        f"policy.decide, {arms} arms, d = {dimension}",
        micros_each(lambda i: policy.decide(contexts[i % 512], names), seconds),
    )
    memory = pn.bandits.Loop(policy, threads=1)
    show(
        "loop.decide, in memory",
        micros_each(lambda i: memory.decide(contexts[i % 512], names, times=i), seconds),
    )
    given = {"learn": "immediately", "threads": 1, "deadline": "365d", "max_rewards": 1 << 30}
    loop = pn.bandits.Loop(policy, folder, **given)
    show(
        "loop.decide, in a folder",
        micros_each(lambda i: loop.decide(contexts[i % 512], names, times=i), seconds),
    )
    ids = [int(one) for one in loop.decide(contexts[:500], names, times=0).decision_id]
    show("loop.reward, in a folder", micros_each(lambda i: loop.reward(ids[i % 250], 0.5), seconds))
    stop = threading.Event()
    counted = [0]

    def teach() -> None:
        while not stop.is_set():
            loop.reward(ids[250 + counted[0] % 250], 0.1)
            counted[0] += 1

    teacher = threading.Thread(target=teach)
    teacher.start()
    begin = time.perf_counter()
    show(
        "loop.decide while another thread rewards",
        micros_each(lambda i: loop.decide(contexts[i % 512], names, times=i), seconds),
    )
    rate = counted[0] / (time.perf_counter() - begin)
    stop.set()
    teacher.join()
    print(f"{'  rewards a second meanwhile':58s} {rate:10.0f}")
    for threads in (1, 4, 16):
        print(f"{f'rewards a second, {threads} threads, one a call':58s} ", end="")
        print(f"{rewards_a_second(loop, ids, threads, seconds):10.0f}")
    taken = bulk_seconds(loop, names, dimension)
    print(f"{'rewards a second, 10,000 a call':58s} {10_000 / taken:10.0f}")
    records = len(loop.log("pyarrow"))
    state = loop.state()
    loop.close()
    begin = time.perf_counter()
    again = pn.bandits.Loop(policy, folder, **given)
    taken = time.perf_counter() - begin
    assert again.state() == state
    print(f"{'decisions replayed a second, with their rewards':58s} {records / taken:10.0f}")
    again.snapshot().close()
    begin = time.perf_counter()
    again = pn.bandits.Loop(policy, folder, **given)
    print(f"{'seconds to open from a snapshot':58s} {time.perf_counter() - begin:10.2f}")
    assert again.state() == state


def rewards_a_second(loop: pn.bandits.Loop, ids: list[int], threads: int, seconds: float) -> float:
    """Durable rewards of several threads, one a call."""
    counts = [0] * threads
    end = time.perf_counter() + seconds

    def send(which: int) -> None:
        while time.perf_counter() < end:
            loop.reward(ids[(which * 31 + counts[which]) % len(ids)], 0.1)
            counts[which] += 1

    senders = [threading.Thread(target=send, args=(which,)) for which in range(threads)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return sum(counts) / seconds


def bulk_seconds(loop: pn.bandits.Loop, names: list[str], dimension: int) -> float:
    """Median of calls that reward 10,000 new decisions each, in any order."""
    rng = np.random.default_rng(1)
    taken = []
    for _ in range(7):
        many = loop.decide(rng.standard_normal((10_000, dimension)), names, times=1)
        ids = rng.permutation(many.decision_id)
        begin = time.perf_counter()
        loop.reward_many({"decision_id": ids, "value": rng.random(10_000)})
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--arms", type=int, default=100)
    parser.add_argument("--dimension", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        measure(Path(folder), given.arms, given.dimension, given.seconds)


if __name__ == "__main__":
    main()
