"""Placements behind the server: it decides, learns, tells and forgets as the pipeline does."""

from __future__ import annotations

import json
import pickle
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import penchant as pn
from funnels import sources
from penchant import errors
from penchant._server_binary import server_path
from places import live_through, places


@pytest.fixture(scope="module")
def fitted(small_known_data: pn.Dataset) -> pn.Pipeline:
    return pn.Pipeline(sources(), placements=places()).fit(small_known_data)


@pytest.fixture
def funnel(fitted: pn.Pipeline) -> pn.Pipeline:
    """One that has decided nothing yet."""
    return pickle.loads(pickle.dumps(fitted))


@pytest.fixture
def served(fitted: pn.Pipeline, tmp_path: Path) -> Iterator[tuple[Path, Any]]:
    bundle = tmp_path / "shop.penchant"
    fitted.save(bundle)
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[pn.Client, subprocess.Popen[str]]:
        process = subprocess.Popen(
            [server_path(), bundle, "--listen", "127.0.0.1:0", "--threads", "2", *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        return pn.Client("http://" + line.split()[-1]), process

    yield bundle, start
    for process in running:
        process.kill()
        process.wait()


class Behind:
    """A client that is asked as a pipeline is."""

    def __init__(self, client: pn.Client) -> None:
        self.client = client

    def recommend_json(self, request: Any) -> bytes:
        return self.client.recommend_json(request)

    def reward_json(self, request: Any) -> bytes:
        return self.client._ask("POST", "/v1/rewards", json.dumps(request).encode())


def test_the_server_decides_and_learns_as_the_pipeline(
    funnel: pn.Pipeline, served: tuple[Path, Any]
) -> None:
    client, _ = served[1]()
    assert live_through(Behind(client)) == live_through(funnel)
    decision = json.loads(client.recommend_json({"placement": "banner"}))["decision_id"]
    assert client.reward(decision, 1.0) == "accepted"
    with pytest.raises(errors.InvalidArgumentError, match="value"):
        client._ask("POST", "/v1/rewards", b'{"decision_id": "1"}')
    frame = client.recommend(None, placement="banner", k=2)
    assert frame["propensity"].between(0, 1).all()


def test_the_server_tells_and_erases_as_the_pipeline(
    funnel: pn.Pipeline, served: tuple[Path, Any]
) -> None:
    client, _ = served[1]()
    live_through(Behind(client))
    answers = [json.loads(body) for body in live_through(funnel)]
    decisions = [one["decision_id"] for one in answers if "decision_id" in one]
    for one in decisions:
        assert client.decision_json(one) == funnel.decision_json(one)
    assert client.decision(decisions[0]) == funnel.decision(decisions[0])
    for subject in ("p2", "p2", "no/body é?", "17", 17):
        assert client.erase_json(subject) == funnel.erase_json(subject)
    assert client.erase("p3") == funnel.erase("p3")
    gone = 0
    for one in decisions:
        told = []
        for side in (client, funnel):
            try:
                told.append(side.decision_json(one))
            except errors.NotFoundError as error:
                told.append(str(error).encode())
        assert told[0] == told[1]
        gone += b"no decision" in told[0]
    assert gone == sum(one.get("subject") in ("p2", "p3") for one in answers)
    for bad in ("x", "1%2F2", "99999999999999999999"):
        with pytest.raises(errors.NotFoundError, match="no decision"):
            client._ask("GET", f"/v1/decisions/{bad}")
    for bad in ("%", "%zz", "%ff%fe", "a" * 5000):
        with pytest.raises(errors.InvalidArgumentError):
            client._ask("DELETE", f"/v1/subjects/{bad}")


def test_a_killed_server_knows_what_it_acknowledged(
    served: tuple[Path, Any], tmp_path: Path
) -> None:
    bundle, start = served
    client, process = start("--data", str(tmp_path / "state"))
    answers = live_through(Behind(client))
    last = json.loads(client.recommend_json({"placement": "banner"}))["decision_id"]
    process.kill()
    process.wait()
    client.close()
    client, process = start("--data", str(tmp_path / "state"))
    # Of before the kill: neither lost nor counted twice.
    assert client.reward(last, 1.0, "click") == "accepted"
    first = json.loads(answers[0])["decision_id"]
    told = {"decision_id": first, "value": 0, "slot": 0, "reward_id": "0"}
    assert json.loads(Behind(client).reward_json(told)) == {"outcome": "duplicate"}
    process.terminate()
    assert process.wait(30) == 0
    twin = pn.load(bundle, data=tmp_path / "state")
    assert twin.reward(last, 1.0, "click") == "duplicate"


def test_a_server_keeps_decisions_for_as_long_as_it_is_told(
    served: tuple[Path, Any], tmp_path: Path
) -> None:
    bundle, start = served
    client, process = start(
        "--data",
        str(tmp_path / "state"),
        "--keep-decisions",
        "400d",
        "--keep-decision-bytes",
        "1GB",
    )
    assert json.loads(client.recommend_json({"placement": "banner"}))["decision_id"]
    process.kill()
    process.wait()
    for said, words in (("1s", "deadline is beyond"), ("soon", "--keep-decisions")):
        refused = subprocess.run(
            [server_path(), bundle, "--data", tmp_path / "state", "--keep-decisions", said],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert refused.returncode != 0
        assert words in refused.stdout + refused.stderr


def test_a_server_without_placements_has_no_rewards(small_bundle: Any) -> None:
    process = subprocess.Popen(
        [server_path(), small_bundle.bundle, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        client = pn.Client("http://" + process.stdout.readline().split()[-1])
        with pytest.raises(errors.NotFoundError, match="nothing here learns"):
            client.reward("1", 1.0)
        with pytest.raises(errors.NotFoundError, match="nothing here learns"):
            client.decision("1")
        assert client.erase_json("anyone") == small_bundle.pipeline.erase_json("anyone")
    finally:
        process.kill()
        process.wait()
