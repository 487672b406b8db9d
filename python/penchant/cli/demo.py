"""The walk that ``penchant demo`` shows: from an event log to a server that answers the same bytes.

Everything is done with the public API; read `run` from the top to see it in order.
"""

from __future__ import annotations

import json
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._demo_data import Log, load
from ._demo_events import tell
from ._demo_learning import PLACE, learn, placements
from ._demo_server import Connection, measure, serving, stop
from ._table import emphasize, format_table
from .recommend import answer_rows

if TYPE_CHECKING:
    from ..pipeline import Pipeline

__all__ = ["run"]

SERVED = "Pipeline, ranked"
METRICS = ("map@10", "ndcg@20", "recall@20", "auc")
STRANGER = "somebody-new"
_WIDTH = 100
_TABLES = (
    (False, "repeats allowed", "what will they buy, again or for the first time?"),
    (True, "new items only", "what will they buy that they never bought before?"),
)


def run(output: str | Path, *, fast: bool = False, requests: int = 2000) -> int:
    """Run the whole walk; return 0 when the server's bytes were those of the Python object.

    Parameters
    ----------
    output : path
        Folder for everything that is made: the bundle, the held-out events, tables, answers, the
        server's log.
    fast : bool, default False
        A small simulated shop instead of Online Retail.
    requests : int, default 2000
        How many requests are timed and compared.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    story = _Story(steps=8)
    with story.step("data"):
        log = load(fast)
        story.say(log.title)
        story.say_lines(log.lines)
        log.write(folder)
    with story.step("train"):
        models = _train(log, story)
    with story.step("measure"):
        _measure(models, log, folder, story)
    bundle = folder / "shop.penchant"
    with story.step("save"):
        pipeline = models[SERVED]
        pipeline.save(bundle)
        story.say(f"{bundle}: {bundle.stat().st_size / 1e6:.1f} MB")
        story.say(f"look inside: penchant inspect {bundle}")
    log_file = folder / "server.log"
    with serving(bundle, log_file, folder / "state") as (process, port):
        with story.step("serve and ask"):
            story.say(f"penchant-serve listens on 127.0.0.1:{port}")
            answers = _ask(port, _people(log), log, story)
            (folder / "answers.json").write_text(json.dumps(answers, indent=2) + "\n")
        with story.step("compare and time"):
            equal = _compare(port, pipeline, bundle, log, requests, folder, story)
        with story.step("decide and learn"):
            equal = _learn(port, bundle, folder, story) and equal
        with story.step("take an event"):
            equal = _tell(port, bundle, log, story) and equal
            story.say(f"the server stopped in {stop(process):.2f} s")
    story.end(folder)
    return 0 if equal else 1


def _train(log: Log, story: _Story) -> dict[str, Any]:
    """Fit the funnel, and its sources once more on their own to see what each is worth."""
    import penchant as pn

    from .._default_funnel import default_ranker
    from .train import ranker_line

    # A product counts once however often it was bought, and half as much after 60 days.
    recency: dict[str, Any] = {"weighting": "capped", "half_life": "60d"}
    models: dict[str, Any] = {
        "Popular, 28 days": pn.Popular(window="28d"),
        "ItemKNN, BM25": pn.ItemKNN(similarity="bm25", **recency),
        "ALS": pn.ALS(factors=128, alpha=10.0, regularization=50.0, **recency),
        "RepeatPurchase": pn.RepeatPurchase(),
        "Pipeline": pn.Pipeline(),
        SERVED: pn.Pipeline(ranker=default_ranker(), placements=placements()),
    }
    for name, model in models.items():
        start = time.perf_counter()
        model.fit(log.train)
        story.say(f"{name:<18} {time.perf_counter() - start:6.2f} s")
    story.say(ranker_line(models[SERVED].validation_["ranker"]))
    return models


def _measure(models: dict[str, Any], log: Log, folder: Path, story: _Story) -> None:
    """Rank the full catalogue for everyone in the test, with and without what they had."""
    from ..evaluation.leaderboard import leaderboard

    for exclude_seen, title, question in _TABLES:
        board = leaderboard(models, log.test, METRICS, exclude_seen=exclude_seen)
        story.say()
        story.say(f"{emphasize(title)}: {question}")
        story.say_lines(repr(board).splitlines())
        for better, worse, words in (
            ("Pipeline", "Popular, 28 days", "of the pipeline minus that of 28-day popularity"),
            (SERVED, "Pipeline", "with the ranker minus that without"),
        ):
            versus = board.compare(better, worse)["map@10"]
            story.say(
                f"MAP@10 {words}, same people: "
                f"{versus.value:+.4f} ({versus.low:+.4f} to {versus.high:+.4f})"
            )
        name = title.replace(" ", "_")
        rows = board.to_frame("pyarrow")
        (folder / f"metrics_{name}.json").write_text(json.dumps(rows.to_pylist(), indent=2) + "\n")


def _people(log: Log) -> list[Any]:
    """Three customers who came back, with long, middling and short histories; and a stranger."""
    known = [_plain(subject) for subject in log.test.subject_ids]
    back = sorted(known, key=lambda subject: (log.purchases.get(subject, 0), str(subject)))
    chosen = [back[int(share * (len(back) - 1))] for share in (0.9, 0.5, 0.1)]
    return [*chosen, STRANGER]


def _ask(port: int, people: list[Any], log: Log, story: _Story) -> list[dict[str, Any]]:
    """Ask over HTTP for each person and show products, reasons and what they really bought."""
    bought = _bought(log)
    connection = Connection(port)
    answers = []
    for person in people:
        kind = "nobody the shop knows" if person == STRANGER else "customer"
        story.say()
        story.say(emphasize(f"{kind} {person}"))
        rows = []
        for new in (False, True) if person != STRANGER else (False,):
            request = {"subject": person, "k": 3 if new else 4, "exclude_seen": new}
            _, body = connection.recommend(request)
            answer = json.loads(body)
            answers.append({"request": request, "answer": answer})
            asked = answer["fallback"] or ("something new" if new else "anything")
            for rank, item, name, score, reason in answer_rows(answer):
                hit = "yes" if str(item) in bought.get(str(person), ()) else ""
                shown = name or log.names.get(str(item), item)
                rows.append([asked if rank == 1 else "", shown, score, hit, reason])
        columns = ["asked for", "product", "score", "bought later", "reason"]
        story.say_lines(format_table(columns, rows, right=("score",)).splitlines())
    connection.close()
    return answers


def _bought(log: Log) -> dict[str, set[str]]:
    """Person -> items of the held-out events, as text."""
    out: dict[str, set[str]] = {}
    columns = (log.test_table[log.roles[role]].to_pylist() for role in ("subject", "item"))
    for subject, item in zip(*columns, strict=True):
        out.setdefault(str(subject), set()).add(str(item))
    return out


def _compare(
    port: int,
    pipeline: Pipeline,
    bundle: Path,
    log: Log,
    count: int,
    folder: Path,
    story: _Story,
) -> bool:
    """Send many requests; hold each body against the Python object's and the loaded bundle's."""
    import penchant as pn

    questions = _questions(log, count)
    latency, bodies = measure(port, questions)
    loaded = pn.load(bundle)
    equal = sum(
        body == pipeline.recommend_json(question) == loaded.recommend_json(question)
        for body, question in zip(bodies, questions, strict=True)
    )
    story.say(
        f"{equal:,} of {len(questions):,} answers over HTTP are byte for byte those of the Python "
        "object, before saving and after loading"
    )
    p50, p99 = (1000 * latency.percentile(share) for share in (0.5, 0.99))
    story.say(f"round trip, one client in Python: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    facts = {"requests": count, "equal": equal, "p50_ms": round(p50, 3), "p99_ms": round(p99, 3)}
    (folder / "serving.json").write_text(json.dumps(facts, indent=2) + "\n")
    return equal == len(questions)


def _learn(port: int, bundle: Path, folder: Path, story: _Story) -> bool:
    """Let a policy on the server learn from visitors, beside one in Python told the same."""
    import penchant as pn

    story.say(
        f"placement '{PLACE}': a policy chooses one of three banners for made visitors, of whom "
        "those of the morning like another than those of the evening"
    )
    with (
        pn.Client(f"http://127.0.0.1:{port}") as client,
        tempfile.TemporaryDirectory(dir=folder) as twin,
    ):
        lines, alike = learn(client, pn.load(bundle, data=twin))
    story.say_lines(lines)
    story.say(
        "decisions, probabilities and outcomes are "
        + ("byte for byte those" if alike else "NOT those")
        + " of the same bundle in Python, told the same clicks"
    )
    return alike


def _tell(port: int, bundle: Path, log: Log, story: _Story) -> bool:
    """Let someone new buy something, on the server and in Python, and ask before and after."""
    import penchant as pn

    item = log.train.item_ids[len(log.train.item_ids) // 3]
    last = log.test_table[log.roles["time"]].to_pylist()[-1]
    moment = f"{last.replace(tzinfo=None).isoformat(timespec='seconds')}Z"
    story.say(f"a newcomer buys {log.names.get(str(item), item)}; the server keeps it, once")
    with pn.Client(f"http://127.0.0.1:{port}") as client:
        lines, alike = tell(client, pn.load(bundle), item, moment, log.names)
    story.say_lines(lines)
    story.say(
        "the next list has changed, and is "
        + ("byte for byte that" if alike else "NOT that")
        + " of Python, told the same"
    )
    return alike


def _questions(log: Log, count: int) -> list[dict[str, Any]]:
    """Known people, strangers, baskets, long lists, explanations: in turn."""
    people = [_plain(subject) for subject in log.train.subject_ids]
    items = [_plain(item) for item in log.train.item_ids]
    out = []
    for i in range(count):
        question: dict[str, Any] = {"subject": people[(i * 37) % len(people)], "k": 10}
        if i % 7 == 3:
            question["subject"] = f"{STRANGER}-{i}"
        if i % 5 == 2:
            question["context"] = {"basket": [items[(i * 11) % len(items)]]}
        if i % 11 == 5:
            question["k"] = 50
        if i % 13 == 6:
            question["explain"] = True
        if i % 17 == 8:
            question["deny"] = items[:: max(1, len(items) // 100)]
        out.append(question)
    return out


def _plain(value: Any) -> Any:
    """A NumPy scalar as Python's own, for JSON."""
    return value.item() if hasattr(value, "item") else value


class _Story:
    """Prints numbered steps with their time; the same lines in a terminal and in a pipe."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._number = 0
        self._start = time.perf_counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self._number += 1
        start = time.perf_counter()
        print(emphasize(f"[{self._number}/{self._steps}] {name}"), flush=True)
        yield
        print(f"      ({time.perf_counter() - start:.1f} s)\n", flush=True)

    def say(self, text: str = "") -> None:
        print(f"      {text}".rstrip(), flush=True)

    def say_lines(self, lines: list[str]) -> None:
        """Lines of a table as they are, prose wrapped."""
        for line in lines:
            for part in textwrap.wrap(line, _WIDTH) if "; " in line else [line]:
                self.say(part)

    def end(self, folder: Path) -> None:
        seconds = time.perf_counter() - self._start
        names = ", ".join(sorted(path.name for path in folder.iterdir()))
        print(f"Done in {seconds:.0f} s. In {folder}/: {names}")
        print(f"Ask it yourself: penchant serve {folder / 'shop.penchant'}")
        sys.stdout.flush()
