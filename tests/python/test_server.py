"""The server as a process, the client that asks it, and the document that describes it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import penchant as pn
from penchant._server_binary import server_path

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = ROOT / "docs" / "openapi.yaml"
PATIENCE = 60.0  # seconds: sanitizers and busy machines


@dataclass
class Shop:
    pipeline: Any
    bundle: Path
    subjects: list[Any]
    items: list[Any]


@dataclass
class Running:
    process: subprocess.Popen[str]
    url: str
    port: int
    log: Path

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    world = pn.simulate.retail(subjects=300, items=120, days=90, seed=5)
    data = pn.Dataset.from_events(world.events, subject="subject", item="item", time="time")
    pipeline = pn.Pipeline().fit(data)
    bundle = tmp_path_factory.mktemp("server") / "shop.penchant"
    pipeline.save(bundle)
    plain = [[v.item() if hasattr(v, "item") else v for v in ids]
             for ids in (data.subject_ids, data.item_ids)]  # fmt: skip
    return Shop(pipeline, bundle, *plain)


@contextlib.contextmanager
def serving(bundle: Path, log: Path, *options: str, **environment: str) -> Iterator[Running]:
    with log.open("w") as errors:
        process = subprocess.Popen(
            [server_path(), bundle, "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **environment},
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), log.read_text()
        port = int(line.rsplit(":", 1)[1])
        yield Running(process, f"http://127.0.0.1:{port}", port, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("log") / "server.log"
    with serving(shop.bundle, log, "--log-level", "debug") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def client(server: Running) -> Iterator[pn.Client]:
    with pn.Client(server.url, timeout=PATIENCE) as made:
        yield made


@pytest.fixture
def learning_server(tmp_path: Path) -> Iterator[Running]:
    """A server where policies decide, and every path has something to do."""
    world = pn.simulate.retail(subjects=60, items=40, days=40, seed=5)
    data = pn.Dataset.from_events(world.events, subject="subject", item="item", time="time")
    places = {
        "home": pn.Placement(pn.EpsilonGreedy(seed=1)),
        "banner": pn.Placement(pn.LinUCB(seed=2), offers=["a", 7], context={"hour": True}),
    }
    pn.Pipeline([pn.ItemKNN(), pn.Popular()], placements=places).fit(data).save(tmp_path / "shop")
    log = tmp_path / "server.log"
    with serving(tmp_path / "shop", log, "--data", str(tmp_path / "state")) as running:
        yield running
        assert running.stop() == 0


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [server_path(), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **environment},
    )


def requests(shop: Shop) -> list[dict[str, Any]]:
    basket = {"basket": shop.items[:2], "device": "phone", "page": "/"}
    return [
        {"subject": shop.subjects[0]},
        {"subject": shop.subjects[1], "k": 3, "explain": True},
        {"subject": "nobody of that name", "context": basket},
        {"subject": None, "k": 100_000},
        {"subject": shop.subjects[2], "deny": shop.items[:60], "exclude_seen": True},
        {"subject": shop.subjects[3], "candidates": shop.items[5:9], "exclude_seen": False},
        {"context": {"time": "2020-02-29T12:00:00+01:00"}, "placement": "home", "k": 1.0},
    ]


# the client -----------------------------------------------------------------------------------


def test_answers_are_the_pipelines_bytes(shop: Shop, client: pn.Client) -> None:
    for request in requests(shop):
        body = json.dumps(request).encode()
        assert client.recommend_json(body) == shop.pipeline.recommend_json(body)
        assert client.recommend_json(request) == shop.pipeline.recommend_json(request)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_recommend_gives_a_frame(shop: Shop, client: pn.Client, kind: str) -> None:
    frame = client.recommend(shop.subjects[0], k=4, deny=shop.items[:3], format=kind)
    assert type(frame).__module__.split(".")[0] == kind
    names = frame.column_names if kind == "pyarrow" else list(frame.columns)
    assert names == ["subject", "item", "name", "score", "rank", "source", "reason"]
    rows = frame.to_pylist() if kind == "pyarrow" else (
        frame.to_dicts() if kind == "polars" else frame.to_dict("records"))  # fmt: skip
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    assert not {row["item"] for row in rows} & set(shop.items[:3])
    answer = json.loads(
        shop.pipeline.recommend_json({"subject": shop.subjects[0], "k": 4, "deny": shop.items[:3]})
    )
    assert [row["item"] for row in rows] == [item["item"] for item in answer["items"]]


def test_recommend_explains_and_restricts(shop: Shop, client: pn.Client) -> None:
    wanted = shop.items[10:16]
    frame = client.recommend(
        None, candidates=wanted, context={"basket": shop.items[:1]}, explain=True, format="pyarrow"
    )
    assert set(frame["item"].to_pylist()) <= set(wanted)
    for row in frame.to_pylist():
        total = sum(share["contribution"] for share in row["shares"])
        assert total == pytest.approx(row["score"], abs=1e-5)


def test_a_frame_of_nothing_has_its_columns(client: pn.Client) -> None:
    frame = client.recommend("someone", candidates=[], format="pyarrow")
    assert frame.num_rows == 0
    assert frame.column_names[:2] == ["subject", "item"]


def test_health_readiness_metrics(client: pn.Client, shop: Shop) -> None:
    assert client.health()
    assert client.ready()
    name = 'penchant_http_requests_total{route="recommend",code="200"}'
    before = client.metrics()[name]
    client.recommend(shop.subjects[0])
    after = client.metrics()
    assert after[name] == before + 1
    assert after["penchant_ready"] == 1
    assert after["penchant_bundle_items"] == len(shop.items)
    fingerprint = pn.inspect(shop.bundle)["fingerprint"]
    version = json.loads(client.recommend_json({}))["bundle"]
    (info,) = (name for name in after if name.startswith("penchant_bundle_info"))
    assert f'fingerprint="{fingerprint}"' in info
    assert f'version="{version}"' in info


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"k": 0}, "'k'"),
        ({"k": "ten"}, "'k'"),
        ({"k": 1.5}, "'k'"),
        ({"subjects": "17850"}, "'subjects'"),
        ({"context": {"basket": "85123A"}}, "'context.basket'"),
        ({"context": {"time": "yesterday"}}, "yesterday"),
        ({"subject": {"id": 1}}, "'subject'"),
    ],
)
def test_faults_of_the_request_are_told(
    client: pn.Client, shop: Shop, request_: dict[str, Any], words: str
) -> None:
    with pytest.raises(pn.errors.InvalidArgumentError, match=words) as over_http:
        client.recommend_json(request_)
    with pytest.raises(pn.errors.InvalidArgumentError) as in_process:
        shop.pipeline.recommend_json(request_)
    assert str(over_http.value) == str(in_process.value)
    assert client.ready()  # the connection is still good


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"k": 1, "k": 2}', b"null"])
def test_what_is_not_a_request_is_refused(client: pn.Client, body: bytes) -> None:
    with pytest.raises(pn.errors.InvalidArgumentError):
        client.recommend_json(body)


def test_what_has_no_json_form_is_refused(client: pn.Client) -> None:
    with pytest.raises(pn.errors.InvalidArgumentError, match="JSON"):
        client.recommend("x", context={"basket": [object()]})
    with pytest.raises(pn.errors.InvalidArgumentError, match="JSON"):
        client.recommend("x", context={"page": float("nan")})


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ftp://host", "http://", "http://host:port", "http://h:99999"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(pn.errors.InvalidArgumentError):
        pn.Client(url)


def test_nobody_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = pn.Client(f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert not client.health()
        assert not client.ready()
        with pytest.raises(pn.errors.UnavailableError, match="penchant-serve"):
            client.recommend("x")


def test_someone_else_answering_is_told_apart() -> None:
    def answer(listener: socket.socket) -> None:
        for content in (b"HTTP/1.1 502 Bad\r\nContent-Length: 4\r\n\r\noops", b"SSH-2.0-hello\r\n"):
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(content)
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        client = pn.Client(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(pn.errors.UnavailableError, match="HTTP 502: oops"):
            client.recommend("x")
        client.close()
        with pytest.raises(pn.errors.UnavailableError, match="broke off"):
            client.recommend("x")
        thread.join()


def test_a_silent_server_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = pn.Client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.2)
        with pytest.raises(pn.errors.UnavailableError, match=r"within 0\.2 s"):
            client.recommend("x")


def test_a_connection_closed_while_idle_is_made_again(shop: Shop, tmp_path: Path) -> None:
    options = ("--idle-timeout", "100ms")
    with serving(shop.bundle, tmp_path / "log", *options) as running:
        client = pn.Client(running.url)
        first = client.recommend_json({"subject": shop.subjects[0]})
        time.sleep(0.6)
        assert client.recommend_json({"subject": shop.subjects[0]}) == first


def test_one_client_serves_many_threads(shop: Shop, client: pn.Client) -> None:
    wanted = {s: shop.pipeline.recommend_json({"subject": s}) for s in shop.subjects[:40]}
    wrong: list[Any] = []

    def ask(start: int) -> None:
        for subject in list(wanted)[start:] + list(wanted)[:start]:
            if client.recommend_json({"subject": subject}) != wanted[subject]:
                wrong.append(subject)
        client.close()

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# the process ----------------------------------------------------------------------------------


def test_version_and_help() -> None:
    version = run("--version")
    assert version.returncode == 0
    assert version.stdout.startswith(f"penchant-serve {pn.__version__} (simd ")
    told = run("--help")
    assert told.returncode == 0
    for option in ("--listen", "--threads", "--max-body", "--drain-delay", "PENCHANT_SIMD"):
        assert option in told.stdout
        assert option in (ROOT / "docs" / "serving.md").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--threads", "-1"],
        ["--threads", "many"],
        ["--listen", "8080"],
        ["--listen", "shop.example:80"],
        ["--request-timeout", "soon"],
        ["--request-timeout", "0s"],
        ["--max-body", "1XB"],
        ["--max-header", "10"],
        ["--max-connections", "0"],
        ["--log-level", "loud"],
        ["--no-such-option"],
    ],
)
def test_wrong_arguments_exit_2(shop: Shop, arguments: list[str]) -> None:
    done = run(*([shop.bundle] if arguments else []), *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip()
    assert "listening" not in done.stdout


def test_wrong_instruction_set_exits_2(shop: Shop) -> None:
    done = run(shop.bundle, PENCHANT_SIMD="abacus")
    assert done.returncode == 2
    assert "baseline" in done.stderr


def test_refused_bundles_exit_3(shop: Shop, tmp_path: Path) -> None:
    assert run(tmp_path / "missing.penchant").returncode == 3
    whole = shop.bundle.read_bytes()
    broken = tmp_path / "broken.penchant"
    broken.write_bytes(whole[: len(whole) // 2])
    done = run(broken)
    assert done.returncode == 3
    assert "bundle_refused" in done.stderr
    broken.write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
    assert run(broken).returncode == 3
    broken.write_bytes(b"")
    assert run(broken).returncode == 3


def test_taken_port_exits_4(shop: Shop, server: Running) -> None:
    done = run(shop.bundle, "--listen", f"127.0.0.1:{server.port}")
    assert done.returncode == 4
    assert "--listen" in done.stderr


def test_sizes_and_times_are_understood(shop: Shop, tmp_path: Path) -> None:
    options = ("--max-body", "1KiB", "--request-timeout", "200ms", "--max-connections", "50")
    with serving(shop.bundle, tmp_path / "log", *options) as running:
        client = pn.Client(running.url)
        with pytest.raises(pn.errors.InvalidArgumentError, match="1024 bytes"):
            client.recommend("x" * 2000)
        with socket.create_connection(("127.0.0.1", running.port)) as slow:
            slow.sendall(b"POST /v1/recommend HTTP/1.1\r\n")
            assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")
        assert client.metrics()["penchant_http_connections_limit"] == 50
        client.close()
        assert running.stop(signal.SIGINT) == 0


def test_every_instruction_set_gives_the_same_bytes(shop: Shop, tmp_path: Path) -> None:
    body = json.dumps({"subject": shop.subjects[0], "k": 50, "explain": True}).encode()
    wanted = shop.pipeline.recommend_json(body)
    for target in pn.build_info()["simd_available"]:  # type: ignore[attr-defined]
        with serving(shop.bundle, tmp_path / "log", PENCHANT_SIMD=target) as running:
            client = pn.Client(running.url)
            assert client.recommend_json(body) == wanted, target
            assert any(f'simd="{target}"' in name for name in client.metrics())


def test_stops_gently_under_load(shop: Shop, tmp_path: Path) -> None:
    with serving(shop.bundle, tmp_path / "log", "--drain-delay", "300ms") as running:
        body = json.dumps({"subject": shop.subjects[0]}).encode()
        wanted = shop.pipeline.recommend_json(body)
        answered, wrong, unready = [0], [0], [False]

        def ask() -> None:
            client = pn.Client(running.url)
            with contextlib.suppress(pn.errors.UnavailableError):
                while True:
                    wrong[0] += client.recommend_json(body) != wanted
                    answered[0] += 1

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        watcher = pn.Client(running.url)
        unready[0] = watcher.health() and not watcher.ready()
        assert running.process.wait(PATIENCE) == 0
        for thread in threads:
            thread.join()
        assert unready[0]
        assert answered[0] > 0
        assert wrong[0] == 0
        log = running.log.read_text()
        assert "event=stopping signal=SIGTERM" in log
        assert "event=stopped" in log
        assert "clean=1" in log


def test_logs_say_nothing_of_anyone(shop: Shop, tmp_path: Path) -> None:
    with serving(shop.bundle, tmp_path / "log", "--log-level", "debug") as running:
        client = pn.Client(running.url)
        client.recommend("alice@example.org", context={"page": "/her/page"})
        with pytest.raises(pn.errors.InvalidArgumentError):
            client.recommend_json({"subject": "alice@example.org", "alice": 1})
        client.close()
        assert running.stop() == 0
        log = running.log.read_text()
        assert "event=request route=recommend status=200" in log
        assert "status=400" in log
        assert "alice" not in log
        assert "/her/page" not in log
        assert "127.0.0.1" not in log


# the document ---------------------------------------------------------------------------------


def test_the_document_is_valid_and_lists_every_path(server: Running) -> None:
    from openapi_spec_validator import validate

    document = yaml.safe_load(OPENAPI.read_text())
    validate(document)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/")
    index = json.loads(connection.getresponse().read())
    assert {path["path"] for path in index["paths"]} | {"/"} == set(document["paths"])
    for path in index["paths"]:
        methods = {name.upper() for name in document["paths"][path["path"]] if name != "parameters"}
        assert set(path["methods"].split(", ")) == methods


def test_every_problem_type_is_explained() -> None:
    document = yaml.safe_load(OPENAPI.read_text())
    types = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    words = (ROOT / "docs" / "serving.md").read_text()
    source = (ROOT / "cpp" / "penchant" / "serving" / "problem.cc").read_text()
    for kind in types:
        name = kind.removeprefix("urn:penchant:problem:")
        assert f"| `{name}` |" in words
        assert f'"{name}"' in source


def test_examples_of_the_document_are_accepted(client: pn.Client) -> None:
    document = yaml.safe_load(OPENAPI.read_text())
    content = document["paths"]["/v1/recommend"]["post"]["requestBody"]["content"]
    for example in content["application/json"]["examples"].values():
        assert json.loads(client.recommend_json(example["value"]))["bundle"]


def test_answers_match_the_document(shop: Shop, client: pn.Client) -> None:
    import jsonschema

    document = yaml.safe_load(OPENAPI.read_text())
    schema = {"$ref": "#/components/schemas/Answer", "components": document["components"]}
    for request in requests(shop):
        jsonschema.validate(json.loads(client.recommend_json(request)), schema)


def test_answers_of_policies_match_the_document(learning_server: Running) -> None:
    import jsonschema

    document = yaml.safe_load(OPENAPI.read_text())
    parts = {"components": document["components"]}
    client = pn.Client(learning_server.url, timeout=PATIENCE)
    for place in ("home", "banner"):
        body = client.recommend_json({"placement": place, "k": 2, "explain": True})
        answer = json.loads(body)
        jsonschema.validate(answer, {"$ref": "#/components/schemas/Answer", **parts})
        assert client.reward(answer["decision_id"], 1, slot=0, time="2024-01-01") == "accepted"
        decision = client.decision(answer["decision_id"])
        jsonschema.validate(decision, {"$ref": "#/components/schemas/Decision", **parts})
        assert len(decision["rewards"]) == 1
    receipt = json.loads(client.erase_json("nobody"))
    jsonschema.validate(receipt, {"$ref": "#/components/schemas/Receipt", **parts})
    content = document["paths"]["/v1/rewards"]["post"]["requestBody"]["content"]
    for example in content["application/json"]["examples"].values():
        body = json.dumps(example["value"]).encode()
        outcomes = list(json.loads(client._ask("POST", "/v1/rewards", body)).values())
        assert outcomes in (["unknown_decision"], [["unknown_decision"] * 2])


@pytest.mark.slow
def test_schemathesis_finds_nothing(learning_server: Running, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis",
            "--config-file", ROOT / "tests" / "python" / "schemathesis.toml",
            "run", OPENAPI, "--url", learning_server.url,
            "--phases", "examples,coverage,fuzzing", "--max-examples", "60", "--max-time", "30",
            "--seed", "1", "--generation-database", "none", "--no-shrink", "--no-color",
        ],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=tmp_path,  # it keeps notes in the working folder
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[:3000] + "\n...\n" + done.stdout[-1500:]
    assert pn.Client(learning_server.url).ready()
