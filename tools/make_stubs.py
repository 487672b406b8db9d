"""Write python/penchant/_core.pyi from the extension as it is built now.

    .venv/bin/python tools/make_stubs.py [output]

tests/python/test_stubs.py fails when the extension has a name that the committed stub has not, or
the other way round.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = (
    "# Made by `make stubs` from the extension; edit the bindings, not this file.\n"
    '# mypy: disable-error-code="assignment,override,misc"\n'
)


def make(output: Path) -> None:
    """Generate, tidy, write."""
    binaries = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                binaries / "pybind11-stubgen",
                "penchant._core",
                "--output-dir",
                folder,
                "--numpy-array-use-type-var",
            ],
            check=True,
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        made = next(Path(folder).rglob("_core.pyi"))
        # A type that the extension registers later than its first use is unknown to the generator.
        text = made.read_text(encoding="utf-8").replace(") -> ...:", ") -> typing.Any:")
        output.write_text(HEAD + text, encoding="utf-8")
    subprocess.run(
        [binaries / "ruff", "format", "--quiet", "--no-force-exclude", output], check=True, cwd=ROOT
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "python" / "penchant" / "_core.pyi")
