"""``penchant demo``: the command line of the demo; the walk itself is in `demo`."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "demo",
        parents=parents,
        help="the whole walk on real data: clean, train, measure, save, serve, ask",
    )
    parser.add_argument(
        "--fast", action="store_true", help="a small simulated shop and fewer requests"
    )
    parser.add_argument(
        "--output", default="demo-output", metavar="DIR", help="where everything is written"
    )
    parser.add_argument("--requests", type=int, metavar="N", help="how many are timed (2000)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the demo."""
    from . import demo

    requests = options.requests or (200 if options.fast else 2000)
    return demo.run(options.output, fast=options.fast, requests=requests)
