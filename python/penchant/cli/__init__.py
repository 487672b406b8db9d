"""The ``penchant`` command: train, evaluate, recommend, inspect, serve, demo.

One module a command; each has ``add_parser(subparsers)`` and ``run(arguments) -> exit code``. Exit
codes: 0 fine, 1 a bar was missed or the work failed, 2 the question made no sense (wrong usage, a
file that can't be read, data that contradicts itself).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .._version import __version__
from . import _demo_command, evaluate, events, inspect, recommend, serve, train

__all__ = ["main", "make_parser"]

_COMMANDS = (train, evaluate, events, recommend, inspect, serve, _demo_command)


class _Parser(argparse.ArgumentParser):
    """Says what was wrong in one line, as every other error of the command."""

    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"penchant: error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    # --debug is wanted before and after the command's name.
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks"
    )
    parser = _Parser(
        prog="penchant",
        description="From an event log to recommendations that are served exactly as computed.",
        parents=[shared],
    )
    parser.add_argument("--version", action="version", version=f"penchant {__version__}")
    subparsers = parser.add_subparsers(
        dest="command", metavar="command", required=True, parser_class=_Parser
    )
    for command in _COMMANDS:
        command.add_parser(subparsers, parents=[shared])
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        ``sys.argv[1:]`` by default.
    """
    options = make_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        print("penchant: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe had enough
        sys.stderr.close()
        return 0
    except Exception as error:
        if getattr(options, "debug", False):
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"penchant: error: {message}", file=sys.stderr)
        return _exit_code(error)


def _exit_code(error: Exception) -> int:
    """2 for what the caller can mend (arguments, files, data), 1 for the rest."""
    from .. import errors

    if isinstance(error, errors.UnavailableError):
        return 1
    return 2 if isinstance(error, (errors.PenchantError, ValueError, KeyError, OSError)) else 1
