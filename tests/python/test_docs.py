"""Every Python block that a page marks with `<!-- tested -->` runs, page by page, in order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^<!-- tested -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if BLOCK.search(page.read_text(encoding="utf-8"))]


def script_of(page: Path) -> str:
    """The page's blocks at the lines where they stand, so that a traceback points at the page."""
    text = page.read_text(encoding="utf-8")
    lines: list[str] = []
    for match in BLOCK.finditer(text):
        first = text.count("\n", 0, match.start(1))
        lines += [""] * (first - len(lines)) + match[1].splitlines()
    return "\n".join(lines) + "\n"


def test_the_first_pages_have_tested_code():
    assert {"README.md", "quickstart.md", "pipeline.md"} <= {page.name for page in pages()}


def test_readme_shows_ten_lines():
    (block,) = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len([line for line in block.splitlines() if line.strip()]) == 10


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_blocks_run(page, tmp_path):
    script = tmp_path / f"{page.stem}.py"
    script.write_text(script_of(page), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{page.relative_to(ROOT)}\n{done.stderr}"
