"""Put a build into the checkout, so that .venv runs it: the extension, the server, the commands.

    .venv/bin/python tools/dev_install.py build/release

The package is used where it stands (a .pth file points at python/), so an edited Python file needs
nothing; only C++ changes need `make build` again. Run with the environment's own Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = """\
#!{python}
import sys

from penchant.cli import main

sys.exit(main())
"""


def write_if_changed(path: Path, text: str, mode: int = 0o644) -> None:
    """Leave an up-to-date file alone, so that its time stays true."""
    if not path.is_file() or path.is_symlink() or path.read_text(encoding="utf-8") != text:
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def install(build: Path) -> None:
    """Copy what was built and point the environment at the checkout."""
    subprocess.run(
        ["cmake", "--install", build, "--component", "python", "--prefix", ROOT / "python"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    site_packages = Path(sysconfig.get_paths()["purelib"])
    write_if_changed(site_packages / "penchant.pth", f"{ROOT / 'python'}\n")
    scripts = Path(sysconfig.get_paths()["scripts"])
    write_if_changed(scripts / "penchant", LAUNCHER.format(python=scripts / "python"), 0o755)
    server = ROOT / "python" / "penchant" / "bin" / "penchant-serve"
    link = scripts / "penchant-serve"
    if not link.is_symlink() or link.readlink() != server:
        link.unlink(missing_ok=True)
        link.symlink_to(os.fspath(server))


def main() -> int:
    """Run from the Makefile."""
    if sys.prefix == sys.base_prefix:
        print(
            "dev_install: run me with the environment's Python (.venv/bin/python)", file=sys.stderr
        )
        return 2
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build/release").resolve()
    install(build)
    return 0


if __name__ == "__main__":
    sys.exit(main())
