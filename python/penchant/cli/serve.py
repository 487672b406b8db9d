"""``penchant serve``: become the native server."""

from __future__ import annotations

import argparse
import os
from typing import Any

from .._server_binary import server_path

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "serve",
        parents=parents,
        help="answer over HTTP from a bundle",
        description="Runs penchant-serve; options after -- are passed on to it.",
    )
    parser.add_argument("bundle")
    parser.add_argument("--listen", default="127.0.0.1:8080", metavar="ADDRESS:PORT")
    parser.add_argument("rest", nargs="*", metavar="-- OPTION", help="for penchant-serve itself")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replace this process, so that signals reach the server itself."""
    server = os.fspath(server_path())
    os.execv(server, [server, options.bundle, "--listen", options.listen, *options.rest])
    return 1  # execv returns only by raising
