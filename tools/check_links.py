"""Check that the links between our own documents lead somewhere.

    python tools/check_links.py [repository root]

Relative links and images in every Markdown file must name a file that is there, and a `#fragment`
a heading of it. Links to the web are not followed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
SKIPPED_FOLDERS = {".venv", ".git", "build", "dist", "site", "node_modules", "demo-output"}


def slug(heading: str) -> str:
    """The fragment that documentation generators make of a heading."""
    text = re.sub(r"\{#([\w-]+)\}", "", heading)
    text = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", lambda match: match[1] or "", text)
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", text.lower())).strip("-")


def anchors(path: Path) -> set[str]:
    """Every fragment that a document answers to."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    explicit = set(re.findall(r"\{#([\w-]+)\}|<a (?:id|name)=\"([\w-]+)\"", text))
    return {slug(match) for match in HEADING.findall(text)} | {a or b for a, b in explicit}


def broken_links(root: Path) -> list[str]:
    """`file:line: what is wrong` for each link that leads nowhere."""
    faults = []
    for path in sorted(root.rglob("*.md")):
        if SKIPPED_FOLDERS & set(path.relative_to(root).parts):
            continue
        # Blank code blocks but keep the line numbers.
        text = FENCE.sub(
            lambda match: "\n" * match[0].count("\n"), path.read_text(encoding="utf-8")
        )
        text = re.sub(r"`[^`\n]*`", "", text)
        for match in LINK.finditer(text):
            target = match[1]
            if re.match(r"^[a-z][a-z0-9+.-]*:", target):
                continue
            line = text.count("\n", 0, match.start()) + 1
            name, _, fragment = target.partition("#")
            linked = path if not name else (path.parent / name).resolve()
            if not linked.exists():
                faults.append(f"{path.relative_to(root)}:{line}: {target} is not there")
            elif fragment and linked.suffix == ".md" and fragment not in anchors(linked):
                faults.append(
                    f"{path.relative_to(root)}:{line}: no heading {fragment} in {name or path.name}"
                )
    return faults


def main(arguments: list[str]) -> int:
    """Print what is wrong."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    faults = broken_links(root.resolve())
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
