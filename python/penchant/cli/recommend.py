"""``penchant recommend``: ask a bundle, without a server."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ._table import print_table

__all__ = ["add_parser", "answer_rows", "run"]


def add_parser(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "recommend", parents=parents, help="print recommendations from a bundle"
    )
    parser.add_argument("bundle")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help="none: someone anonymous")
    parser.add_argument("-k", "--k", type=int, default=10, help="how many items (10)")
    parser.add_argument("--basket", metavar="ITEMS", help="items in the cart now, comma-separated")
    parser.add_argument("--deny", metavar="ITEMS", help="items never to show, comma-separated")
    parser.add_argument("--explain", action="store_true", help="show each source's share")
    parser.add_argument(
        "--json", action="store_true", help="the server's own answers, one line a subject"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask and print."""
    import penchant

    pipeline = penchant.load(options.bundle)
    rows: list[list[Any]] = []
    for subject in options.subjects or [None]:
        request: dict[str, Any] = {"subject": subject, "k": options.k, "explain": options.explain}
        if options.basket:
            request["context"] = {"basket": _listed(options.basket)}
        if options.deny:
            request["deny"] = _listed(options.deny)
        body = pipeline.recommend_json(request)
        if options.json:
            sys.stdout.write(body.decode() + "\n")
            continue
        answer = json.loads(body)
        if answer.get("fallback"):
            print(f"{_shown(subject)}: {answer['fallback']}", file=sys.stderr)
        rows.extend([_shown(subject), *row] for row in answer_rows(answer, options.explain))
    if not options.json:
        columns = ["subject", "rank", "item", "name", "score"]
        columns += ["shares", "reason"] if options.explain else ["reason"]
        print_table(columns, rows, right=("rank", "score"))
    return 0


def answer_rows(answer: dict[str, Any], explain: bool = False) -> list[list[Any]]:
    """Rows (rank, item, name, score, [shares,] reason) of one answer of the engine."""
    rows = []
    for rank, item in enumerate(answer["items"], start=1):
        reason = item.get("reason") or {}
        row = [rank, item["item"], item.get("name", ""), f"{item['score']:.4f}"]
        if explain:
            shares = item.get("shares") or []
            moved = item.get("ranker", {}).get("features", [])
            parts = [f"{share['source']}={share['contribution']:.3f}" for share in shares]
            parts += [f"{each['feature']}:{each['contribution']:+.3f}" for each in moved]
            row.append(" ".join(parts))
        row.append(reason.get("text", "") if isinstance(reason, dict) else str(reason))
        rows.append(row)
    return rows


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _shown(subject: str | None) -> str:
    return "(anonymous)" if subject is None else subject
