"""The one promise: the server's answers are the notebook's, byte for byte."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from penchant import errors
from penchant._server_binary import server_path

REQUESTS = 2000
PATIENCE = 60.0  # seconds

# Attributes of people, some of which nobody knows.
SAID: dict[str, Any] = {
    "region": "coast",
    "age": 34,
    "tier": "gold",
    "member": True,
    "tags": ["ü", "b"],
    "nothing": None,
    "städte": "x",
}

BAD_REQUESTS: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"17850"',
    b'{"k": 0}',
    b'{"k": -1}',
    b'{"k": 100001}',
    b'{"k": 1.5}',
    b'{"k": "5"}',
    b'{"k": 1, "k": 2}',
    b'{"subject": 1.5}',
    b'{"subject": ["a"]}',
    b'{"subject": true}',
    b'{"subject": 99999999999999999999999}',
    b'{"subjects": "a"}',
    b'{"context": []}',
    b'{"context": {"basket": "a"}}',
    b'{"context": {"basket": [null]}}',
    b'{"context": {"busket": []}}',
    b'{"context": {"time": "tomorrow"}}',
    b'{"context": {"time": 5}}',
    b'{"context": {"page": 5}}',
    b'{"context": {"page": {}}}',
    b'{"context": {"events": [5]}}',
    b'{"context": {"events": [{"value": 1}]}}',
    b'{"context": {"events": [{"item": "a", "value": 0}]}}',
    b'{"context": {"events": [{"item": "a", "value": 1e999}]}}',
    b'{"context": {"events": [{"item": "a", "time": "then"}]}}',
    b'{"context": {"attributes": []}}',
    b'{"context": {"attributes": {"a": {}}}}',
    b'{"context": {"attributes": {"a": [1]}}}',
    b'{"context": {"attributes": {"a": 1, "a": 2}}}',
    b'{"deny": "a"}',
    b'{"deny": [[]]}',
    b'{"candidates": {}}',
    b'{"exclude_seen": 1}',
    b'{"explain": "yes"}',
    b'{"subject": "\xff\xfe"}',
    b'{"subject": "a"} trailing',
]


@dataclass(frozen=True)
class Case:
    """A fitted funnel, its file, and the ids that requests are made of."""

    pipeline: pn.Pipeline
    bundle: Path
    subjects: list[Any]
    items: list[Any]
    unknown: list[Any]


@pytest.fixture(scope="module")
def strings(small_bundle: Any) -> Case:
    unknown = ["", "nobody", "ké\u00df\U0001f98a", 'quo"te\\back', "line\nbreak", "0", 12345, -7]
    return Case(
        small_bundle.pipeline, small_bundle.bundle, small_bundle.subjects, small_bundle.items,
        unknown,
    )  # fmt: skip


@pytest.fixture(scope="module")
def integers(small_events: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Case:
    events = small_events.copy()
    for column in ("subject", "item"):
        numbers = events[column].str.rsplit("-", n=1).str[1].astype(np.int64)
        events[column] = (numbers - 40) * 1_000_003  # negative ones, too
    events["title"] = "Item «" + events["item"].astype(str) + '» "ü"'
    data = pn.Dataset.from_events(
        events, type="event", value="quantity", half_life="40d", item_name="title"
    )
    pipeline = pn.Pipeline(exclude_seen=True, quota=15).fit(data)
    bundle = tmp_path_factory.mktemp("integers") / "shop.penchant"
    pipeline.save(bundle)
    # Integers are known as texts, too; other texts are not.
    unknown = [0, 2**63 - 1, -(2**63), "0", "007", "nobody", str(data.subject_ids[0])]
    return Case(pipeline, bundle, data.subject_ids.tolist(), data.item_ids.tolist(), unknown)


@pytest.fixture(scope="module")
def operators(small_data: pn.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A funnel of the item-item operators and a blend, whose scores may be below zero."""
    members = [pn.EASE(20.0, half_life="30d"), pn.ALS(factors=6, iterations=3)]
    pipeline = pn.Pipeline(
        [
            pn.EASE(20.0, keep=15),
            pn.GraphFilter(8, 0.3, half_life="30d"),
            pn.LocalRidge(20, 5.0),
            pn.SLIM(0.1, 10.0),
            pn.Blend(members),
            pn.RepeatPurchase(),
        ]
    ).fit(small_data)
    bundle = tmp_path_factory.mktemp("operators") / "shop.penchant"
    pipeline.save(bundle)
    subjects, items = small_data.subject_ids.tolist(), small_data.item_ids.tolist()
    return Case(pipeline, bundle, subjects, items, ["", "nobody", 7])


@pytest.fixture(scope="module")
def people(small_known_data: pn.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The default funnel over a log with attributes of people."""
    pipeline = pn.Pipeline().fit(small_known_data)
    assert "cold" in pipeline.weights_
    bundle = tmp_path_factory.mktemp("people") / "shop.penchant"
    pipeline.save(bundle)
    subjects, items = small_known_data.subject_ids.tolist(), small_known_data.item_ids.tolist()
    return Case(pipeline, bundle, subjects, items, ["", "nobody", 7])


@pytest.fixture(scope="module")
def ranked(small_known_data: pn.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A ranker over a funnel of every kind of source, with attributes of items and people."""
    ranker = pn.GBDTRanker(trees=20, leaves=8, learning_rate=0.3)
    pipeline = pn.Pipeline(ranker=ranker, depth=30).fit(small_known_data)
    assert "rerank" in pipeline.engine.stages
    bundle = tmp_path_factory.mktemp("ranked") / "shop.penchant"
    pipeline.save(bundle)
    subjects, items = small_known_data.subject_ids.tolist(), small_known_data.item_ids.tolist()
    return Case(pipeline, bundle, subjects, items, ["", "nobody", 7])


@pytest.fixture(scope="module")
def planned(small_known_data: pn.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A calibrated ranker that reads a feature plan, as of the moment of the request."""
    ft = pn.features
    plan = ft.Plan(
        [
            ft.recency("purchase"),
            ft.count(by=("subject", "item"), window="30d", name="met"),
            ft.popularity("purchase", half_life="9d"),
            ft.trend("purchase", name="trend"),
        ]
    )
    ranker = pn.GBDTRanker(trees=20, leaves=8, learning_rate=0.3)
    calibrated = pn.ranking.Calibrated(ranker, cv=3)
    pipeline = pn.Pipeline(features=plan, ranker=calibrated, depth=30).fit(small_known_data)
    assert "plan.met" in pipeline.ranker_features_
    bundle = tmp_path_factory.mktemp("planned") / "shop.penchant"
    pipeline.save(bundle)
    subjects, items = small_known_data.subject_ids.tolist(), small_known_data.item_ids.tolist()
    return Case(pipeline, bundle, subjects, items, ["", "nobody", 7])


@pytest.fixture(params=["strings", "integers", "operators", "people", "ranked", "planned"])
def case(request: pytest.FixtureRequest) -> Case:
    return request.getfixturevalue(request.param)


def made_requests(case: Case, count: int, seed: int) -> list[bytes]:
    """Bodies of every kind: who asks, what for, and how it is written."""
    rng = np.random.default_rng(seed)

    def pick(ids: list[Any], most: int) -> list[Any]:
        chosen = [ids[i] for i in rng.integers(0, len(ids), rng.integers(0, most + 1))]
        return chosen if rng.random() < 0.8 else [*chosen, "no such item", 404]

    out = []
    for _ in range(count):
        body: dict[str, Any] = {}
        who = rng.random()
        if who < 0.65:
            body["subject"] = case.subjects[rng.integers(len(case.subjects))]
        elif who < 0.85:
            body["subject"] = case.unknown[rng.integers(len(case.unknown))]
        elif who < 0.95:
            body["subject"] = None
        if rng.random() < 0.6:
            body["k"] = int(rng.choice([1, 3, 10, 50, len(case.items), 5000, 100_000]))
        if rng.random() < 0.25:
            body["deny"] = pick(case.items, 40)
        if rng.random() < 0.2:
            body["candidates"] = pick(case.items, 60)
        if rng.random() < 0.4:
            body["exclude_seen"] = bool(rng.random() < 0.5)
        if rng.random() < 0.3:
            body["explain"] = bool(rng.random() < 0.7)
        if rng.random() < 0.1:
            body["placement"] = "home"
        if rng.random() < 0.4:
            context: dict[str, Any] = {}
            if rng.random() < 0.7:
                context["basket"] = pick(case.items, 6)
            if rng.random() < 0.3:
                day, hour = int(rng.integers(1, 29)), int(rng.integers(0, 24))
                context["time"] = f"2025-0{rng.integers(1, 10)}-{day:02d}T{hour:02d}:30:00+02:00"
            if rng.random() < 0.2:
                context |= {"page": "/größe", "device": "phone"}
            elif rng.random() < 0.3:
                item = case.items[rng.integers(len(case.items))]
                context["page"] = item if isinstance(item, str) else {"item": item}
            if rng.random() < 0.4:
                context["events"] = [
                    {"item": item, "time": f"2025-02-{day + 1:02d}", "value": 0.5 + day}
                    if day % 2
                    else {"item": item}
                    for day, item in enumerate(pick(case.items, 12))
                ]
            if rng.random() < 0.5:
                shown = rng.permutation(list(SAID))[: rng.integers(len(SAID) + 1)]
                context["attributes"] = {str(name): SAID[name] for name in shown}
            body["context"] = context
        names = list(body)
        rng.shuffle(names)
        text = json.dumps(
            {name: body[name] for name in names},
            ensure_ascii=bool(rng.random() < 0.5),
            indent=2 if rng.random() < 0.1 else None,
        )
        out.append(text.encode())
    return out


@contextlib.contextmanager
def serving(bundle: Path, log: Path) -> Iterator[http.client.HTTPConnection]:
    with log.open("w") as errors_to:
        process = subprocess.Popen(
            [server_path(), bundle, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=errors_to,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), log.read_text()
        connection = http.client.HTTPConnection(
            "127.0.0.1", int(line.rsplit(":", 1)[1]), timeout=PATIENCE
        )
        yield connection
        connection.close()
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def posted(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, str, bytes]:
    connection.request(
        "POST", "/v1/recommend", body=body, headers={"Content-Type": "application/json"}
    )
    response = connection.getresponse()
    return response.status, response.getheader("Content-Type", ""), response.read()


def assert_same_bytes(pipeline: pn.Pipeline, bundle: Path, bodies: list[bytes], log: Path) -> None:
    with serving(bundle, log) as connection:
        for body in bodies:
            status, kind, answer = posted(connection, body)
            assert (status, kind) == (200, "application/json"), (body, answer)
            assert answer == pipeline.recommend_json(body), body


def test_the_requests_are_of_every_kind(case: Case) -> None:
    """What the comparison below rests on: that much comes out, and everything is asked."""
    answers = [json.loads(case.pipeline.recommend_json(b)) for b in made_requests(case, 400, 1)]
    assert {a["fallback"] for a in answers} >= {None, "unknown_subject", "anonymous"}
    sizes = {len(a["items"]) for a in answers}
    assert {0, 1, 3, 10} < sizes
    assert max(sizes) == len(case.items)
    codes = {item["reason"]["code"] for a in answers for item in a["items"]}
    assert codes >= {"bought_again", "popular"}
    assert codes & {"bought_together", "similar_to_yours"}
    assert any("shares" in item for a in answers for item in a["items"])
    ranked = any("ranker" in item for a in answers for item in a["items"])
    assert ranked == (case.pipeline.ranker_ is not None)
    assert len({a["as_of"] for a in answers}) > 10
    levels = {a["level"] for a in answers}
    assert levels >= {"history", "context", "popularity"}
    assert ("attributes" in levels) == ("cold" in case.pipeline.weights_)


def test_http_and_python_give_the_same_bytes(case: Case, tmp_path: Path) -> None:
    bodies = made_requests(case, REQUESTS, seed=7)
    assert_same_bytes(case.pipeline, case.bundle, bodies, tmp_path / "server.log")


def test_and_again_after_save_load_save(case: Case, tmp_path: Path) -> None:
    again = tmp_path / "again.penchant"
    loaded = pn.load(case.bundle)
    loaded.save(again)
    assert again.read_bytes() == case.bundle.read_bytes()
    bodies = made_requests(case, REQUESTS, seed=8)
    assert_same_bytes(case.pipeline, again, bodies, tmp_path / "server.log")
    twice = pn.load(again)
    for body in bodies[:200]:
        assert loaded.recommend_json(body) == twice.recommend_json(body)


def test_requests_that_make_no_sense_are_told_in_the_same_words(case: Case, tmp_path: Path) -> None:
    good = json.dumps({"subject": case.subjects[0]}).encode()
    with serving(case.bundle, tmp_path / "server.log") as connection:
        for body in BAD_REQUESTS:
            with pytest.raises(errors.InvalidArgumentError) as told:
                case.pipeline.recommend_json(body)
            status, kind, answer = posted(connection, body)
            assert (status, kind) == (400, "application/problem+json"), body
            problem = json.loads(answer)
            assert problem["status"] == 400
            assert problem["detail"] == str(told.value), body
            assert problem["detail"]
            # The connection is as good as before.
            assert posted(connection, good)[2] == case.pipeline.recommend_json(good)
