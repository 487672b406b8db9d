"""Print what pip must install for the named extras of pyproject.toml, one requirement a line.

    python tools/requirements.py build test lint

`build` stands for the build system's own requirements; the run-time dependencies always come along.
The package itself is not installed with pip in a checkout: see tools/dev_install.py.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def requirements(extras: list[str]) -> list[str]:
    """Sorted, without repeats."""
    table = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    wanted = set(table["project"]["dependencies"])
    for extra in extras:
        if extra == "build":
            wanted.update(table["build-system"]["requires"])
        else:
            wanted.update(table["project"]["optional-dependencies"][extra])
    return sorted(wanted)


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1:])))
