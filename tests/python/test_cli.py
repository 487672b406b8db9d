"""The command line, as a person runs it: .venv/bin/penchant in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as parquet
import pytest

import penchant as pn
from penchant.cli import _table, evaluate, main

COMMAND = Path(sys.executable).parent / "penchant"
SERVER = Path(sys.executable).parent / "penchant-serve"


def penchant(
    *arguments: object, code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=300,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def one_error_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("penchant: error: ")
    return lines[0]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A folder with train.csv, test.parquet and the bundle trained on them."""
    folder = tmp_path_factory.mktemp("shop")
    world = pn.simulate.retail(subjects=300, items=120, days=90, seed=3, format="pyarrow")
    bought = world.events.filter(pc.equal(world.events["event"], "purchase"))
    table = pa.table(
        {
            "who": bought["subject"],
            "what": bought["item"],
            "at": bought["time"],
            "label": pc.binary_join_element_wise("product ", bought["item"], ""),
        }
    )
    at = table["at"].cast(pa.timestamp("us", "UTC"))
    cut = pc.add(pc.min(at), pa.scalar(62 * 86_400_000_000, pa.duration("us")))
    late = pc.greater_equal(at, cut)
    csv.write_csv(table.filter(pc.invert(late)), folder / "train.csv")
    parquet.write_table(table.filter(late), folder / "test.parquet")
    roles = ("--subject", "who", "--item", "what", "--time", "at", "--item-name", "label")
    done = penchant(
        "train",
        folder / "train.csv",
        *roles,
        "--half-life",
        "60d",
        "--out",
        folder / "shop.penchant",
    )
    assert "saved" in done.stderr
    assert done.stdout == ""
    return folder


def test_version_and_help():
    assert penchant("--version").stdout.strip() == f"penchant {pn.__version__}"
    text = penchant("--help").stdout
    for command in ("train", "evaluate", "recommend", "inspect", "serve", "demo"):
        assert command in text
        assert "usage" in penchant(command, "--help").stdout


def test_training_twice_gives_the_same_bytes(shop, tmp_path):
    again = tmp_path / "again.penchant"
    penchant(
        *("train", shop / "train.csv", "--subject", "who", "--item", "what", "--time", "at"),
        *("--item-name", "label", "--half-life", "60d", "--quiet", "--out", again),
    )
    assert again.read_bytes() == (shop / "shop.penchant").read_bytes()


def test_evaluate_prints_a_table_and_uses_the_bundles_columns(shop):
    done = penchant(
        "evaluate", shop / "shop.penchant", "--events", shop / "test.parquet", "--keep-seen"
    )
    for metric in evaluate.DEFAULT_METRICS:
        assert re.search(rf"^{metric} +0\.\d{{4}}", done.stdout, re.MULTILINE), done.stdout
    assert "\x1b" not in done.stdout


def test_evaluate_is_a_gate(shop):
    ask = ("evaluate", shop / "shop.penchant", "--events", shop / "test.parquet")
    met = penchant(*ask, "--require", "auc=0.01", "--require", "map@10=0")
    assert "met" in met.stdout
    assert "MISSED" not in met.stdout
    missed = penchant(*ask, "--require", "auc=0.01", "--require", "ndcg@5=0.99", code=1)
    assert re.search(r"ndcg@5 .*0\.99 +MISSED", missed.stdout)
    assert re.search(r"auc .*met", missed.stdout)


def test_evaluate_can_ask_the_lower_end(shop):
    ask = (
        "evaluate",
        shop / "shop.penchant",
        "--events",
        shop / "test.parquet",
        "--metrics",
        "auc",
        "--json",
    )
    auc = json.loads(penchant(*ask).stdout)["metrics"][0]
    assert auc["low"] < auc["value"] < auc["high"]
    between = (auc["low"] + auc["value"]) / 2
    penchant(*ask, "--require", f"auc={between}")
    penchant(*ask, "--require", f"auc={between}", "--by", "low", code=1)


def test_evaluate_equals_the_library(shop):
    ask = (
        "evaluate",
        shop / "shop.penchant",
        "--events",
        shop / "test.parquet",
        "--metrics",
        "map@10",
        "--json",
    )
    shown = json.loads(penchant(*ask).stdout)["metrics"][0]
    test = pn.Dataset.from_events(
        parquet.read_table(shop / "test.parquet"), subject="who", item="what", time="at"
    )
    report = pn.evaluate(pn.load(shop / "shop.penchant"), test, metrics=["map@10"])
    assert shown["value"] == pytest.approx(report["map@10"].value, abs=1e-12)


_EVALUATE = ("evaluate", "{shop}/shop.penchant", "--events", "{shop}/test.parquet")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "gone.csv", "--out", "x"), "gone.csv: no such file"),
        (("train", "{shop}/train.csv", "--out", "x"), "no column 'subject' for --subject"),
        (("train", "{shop}/train.csv", "--out", "x"), "it has who, what, at"),
        (("train", "{shop}/shop.penchant", "--out", "x"), "neither .csv"),
        (("train", "{shop}/train.csv"), "--out"),
        ((*_EVALUATE, "--require", "map"), "METRIC=NUMBER"),
        ((*_EVALUATE, "--require", "map@10=nan"), "METRIC=NUMBER"),
        ((*_EVALUATE, "--metrics", "lift@3"), "lift@3"),
        (("evaluate", "{shop}/train.csv", "--events", "{shop}/test.parquet"), "train.csv"),
        (("inspect", "{shop}/gone.penchant"), "gone.penchant"),
        (("recommend", "{shop}/shop.penchant", "a", "--k", "-1"), "k"),
        (("dance",), "dance"),
        ((), "command"),
    ],
)
def test_bad_questions_are_one_line_and_exit_2(shop, tmp_path, arguments, said):
    done = penchant(*(str(a).format(shop=shop) for a in arguments), code=2)
    assert said in one_error_line(done)


def test_debug_shows_where(shop):
    done = penchant("inspect", shop / "gone.penchant", "--debug", code=1)
    assert "Traceback" in done.stderr


def test_recommend_table_and_json(shop):
    subject = parquet.read_table(shop / "test.parquet")["who"][0].as_py()
    table = penchant("recommend", shop / "shop.penchant", subject, "--k", 3).stdout
    assert len([line for line in table.splitlines() if line.startswith(subject)]) == 3
    assert "product " in table
    lines = penchant(
        "recommend", shop / "shop.penchant", subject, "nobody", "--k", 3, "--json"
    ).stdout
    known, stranger = (json.loads(line) for line in lines.splitlines())
    assert len(known["items"]) == 3
    assert known["fallback"] is None
    assert stranger["fallback"]
    body = pn.load(shop / "shop.penchant").recommend_json(
        {"subject": subject, "k": 3, "explain": False}
    )
    assert lines.splitlines()[0].encode() == body


def test_recommend_basket_deny_and_explain(shop):
    subject = parquet.read_table(shop / "test.parquet")["who"][0].as_py()
    ask = ("recommend", shop / "shop.penchant", subject, "--k", 5, "--json")
    items = [item["item"] for item in json.loads(penchant(*ask).stdout)["items"]]
    left = [
        item["item"]
        for item in json.loads(penchant(*ask, "--deny", ",".join(items[:2])).stdout)["items"]
    ]
    assert not set(items[:2]) & set(left)
    explained = penchant(*ask[:-1], "--explain", "--basket", items[0]).stdout
    assert "shares" in explained.splitlines()[0]
    anonymous = json.loads(penchant("recommend", shop / "shop.penchant", "--json").stdout)
    assert anonymous["subject"] is None


def test_inspect(shop):
    text = penchant("inspect", shop / "shop.penchant").stdout
    assert "lineage" in text
    assert "xxh3" in text
    facts = json.loads(penchant("inspect", shop / "shop.penchant", "--json").stdout)
    assert (
        sum(section["bytes"] for section in facts["sections"])
        <= (shop / "shop.penchant").stat().st_size
    )


def test_config_chooses_the_sources(shop, tmp_path):
    config = tmp_path / "funnel.toml"
    config.write_text('[[sources]]\nmodel = "Popular"\nwindow = "28d"\n')
    roles = ("--subject", "who", "--item", "what", "--time", "at", "--quiet")
    train = (
        "train",
        shop / "train.csv",
        *roles,
        "--out",
        tmp_path / "p.penchant",
        "--config",
        config,
    )
    penchant(*train)
    body = json.loads(penchant("recommend", tmp_path / "p.penchant", "--json").stdout)
    assert {item["source"] for item in body["items"]} == {"popular"}
    for text, said in [
        ('[[sources]]\nmodel = "Nothing"\n', "source 1: no model is called 'Nothing'"),
        ('[[sources]]\nmodel = "Popular"\nwidow = 3\n', "source 1 (Popular)"),
        ("[other]\na = 1\n", "unknown table 'other'"),
        ("= 1\n", "funnel.toml"),
    ]:
        config.write_text(text)
        assert said in one_error_line(penchant(*train, code=2))


def test_a_ranker_is_learned_where_asked(shop, tmp_path):
    config = tmp_path / "funnel.toml"
    roles = ("--subject", "who", "--item", "what", "--time", "at")
    train = ("train", shop / "train.csv", *roles, "--out", tmp_path / "p.penchant")
    said = penchant(*train, "--ranker").stderr
    assert "ranker: " in said
    assert " trees from " in said
    facts = json.loads(penchant("inspect", tmp_path / "p.penchant", "--json").stdout)
    assert facts["lineage"]["ranker"]["parameters"]["objective"] == "xendcg"
    assert any(section["name"] == "ranker/features" for section in facts["sections"])
    assert "lineage.ranker.trees" in penchant("inspect", tmp_path / "p.penchant").stdout
    config.write_text('[ranker]\nmodel = "GBDTClassifier"\ntrees = 3\nleaves = 4\n')
    penchant(*train, "--quiet", "--config", config, "--ranker")
    lineage = pn.load(tmp_path / "p.penchant").lineage_
    assert lineage["ranker"]["model"] == "GBDTClassifier"
    assert lineage["ranker"]["trees"] <= 3
    for text, words in [
        ('[ranker]\nmodel = "Nothing"\n', "[ranker]: no model is called 'Nothing'"),
        ('[ranker]\nmodel = "ALS"\n', "ranker must be a GBDTRanker"),
        ('[ranker]\nmodel = "GBDTRanker"\nleafs = 3\n', "[ranker] (GBDTRanker)"),
    ]:
        config.write_text(text)
        assert words in one_error_line(penchant(*train, "--quiet", "--config", config, code=2))


def test_quarantined_rows_can_be_kept(tmp_path):
    (tmp_path / "e.csv").write_text(
        "subject,item,time\na,x,2024-01-01\nb,,2024-01-02\na,y,2024-01-02\nb,x,2024-01-03\nb,y,2024-01-04\n"
    )
    done = penchant(
        *("train", tmp_path / "e.csv", "--out", tmp_path / "e.penchant"),
        *("--quarantine", tmp_path / "q.csv"),
    )
    assert "1" in done.stderr
    kept = csv.read_csv(tmp_path / "q.csv")
    assert kept.num_rows == 1
    assert "reason" in kept.column_names


def test_serve_is_the_native_server(shop):
    process = subprocess.Popen(
        [COMMAND, "serve", shop / "shop.penchant", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(re.search(r":(\d+)", process.stdout.readline())[1])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_the_dev_commands_are_there():
    assert SERVER.exists()
    shown = subprocess.run([SERVER, "--version"], capture_output=True, text=True, check=True).stdout
    assert pn.__version__ in shown


def test_table_is_cut_to_the_width():
    text = _table.format_table(["a", "text"], [[1, "x" * 50], [22, "y"]], right=("a",), width=30)
    lines = text.splitlines()
    assert all(len(line) <= 30 for line in lines)
    assert lines[2].startswith(" 1  x")
    assert lines[2].endswith("…")
    assert lines[3] == "22  y"


def test_main_can_be_called(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert pn.__version__ in capsys.readouterr().out


def test_demo_walks_the_whole_way(tmp_path):
    output = tmp_path / "out"
    done = penchant("demo", "--fast", "--requests", 60, "--output", output)
    assert "60 of 60 answers over HTTP are byte for byte" in done.stdout
    assert "repeats allowed" in done.stdout
    assert "new items only" in done.stdout
    assert "Bought" in done.stdout
    assert "are byte for byte those of the same bundle in Python, told the same" in done.stdout
    assert "the next list has changed, and is byte for byte that of Python" in done.stdout
    assert "unknown_subject" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    names = {path.name for path in output.iterdir()}
    assert {"shop.penchant", "test.parquet", "answers.json", "serving.json"} <= names
    # What it leaves is what the other commands take.
    events = ("--events", output / "test.parquet", "--metrics", "map@10")
    penchant("evaluate", output / "shop.penchant", *events, "--require", "map@10=0.01")


def test_demo_reads_online_retail_when_there_is_a_folder():
    if pn.datasets.source("online_retail") not in {"folder", "cache"}:
        pytest.skip("no copy of Online Retail on this machine")
    from penchant.cli import _demo_data

    log = _demo_data.load(fast=False)
    assert log.facts["cleaning"]["lines"] == 541_909
    assert log.facts["lines"] == 396_337
    assert (log.train.num_subjects, log.train.num_items) == (4_108, 3_625)
    assert log.test.num_subjects == 1_300


def test_demo_simulates_when_the_log_is_not_to_be_had(monkeypatch):
    from penchant.cli import _demo_data

    def refuse(*arguments, **options):
        raise pn.errors.UnavailableError("no network")

    monkeypatch.setattr(pn.datasets, "load", refuse)
    log = _demo_data.load(fast=False)
    assert log.title.startswith("a simulated shop, because")
    assert log.train.num_subjects > 3000
