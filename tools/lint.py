"""Every style check in one command; each prints only what is wrong, and all run before it ends.

    .venv/bin/python tools/lint.py [--all]

clang-tidy is slow, so it looks at the C++ files that changed since the last commit on the main
branch (or, there, since the commit before); --all makes it look at every file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def git(*arguments: str) -> list[str]:
    """The lines git answers, none when it refuses."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def cpp_files() -> list[str]:
    """Tracked and new C++ sources of ours."""
    listed = git(
        "ls-files", "--cached", "--others", "--exclude-standard", "cpp", "tests", "benchmarks"
    )
    return sorted(
        name for name in set(listed) if name.endswith((".h", ".cc")) and (ROOT / name).exists()
    )


def changed_cpp_files() -> list[str]:
    """Those among them that this change touches."""
    base = git("merge-base", "origin/main", "HEAD") or git("rev-parse", "HEAD~1")
    if base and base == git("rev-parse", "HEAD"):
        base = git("rev-parse", "HEAD~1")
    changed = set(git("diff", "--name-only", base[0])) if base else set(cpp_files())
    changed |= set(git("ls-files", "--others", "--exclude-standard"))
    return [name for name in cpp_files() if name in changed]


def run(label: str, *command: str | Path) -> bool:
    """Run one check; show what it said only when it failed."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    good = done.returncode == 0
    print(f"lint: {label}: {'ok' if good else 'FAILED'}", flush=True)
    if not good:
        print(done.stdout[-8000:] + done.stderr[-4000:], flush=True)
    return good


def tidy(files: list[str]) -> bool:
    """clang-tidy over sources (headers are seen through them); needs build/release configured."""
    sources = [name for name in files if name.endswith(".cc") and name.startswith("cpp/")]

    def one(name: str) -> tuple[str, int, str]:
        done = subprocess.run(
            [
                "clang-tidy-14",
                "--quiet",
                "--warnings-as-errors=*",
                "--extra-arg=-Wno-unknown-warning-option",
                "-p",
                "build/release",
                name,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return name, done.returncode, done.stdout

    good = True
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for name, code, out in pool.map(one, sources):
            if code != 0:
                good = False
                print(f"lint: clang-tidy: {name}\n{out[-3000:]}", flush=True)
    print(f"lint: clang-tidy ({len(sources)} files): {'ok' if good else 'FAILED'}", flush=True)
    return good


def main(arguments: list[str]) -> int:
    """Run all, say which failed."""
    python = sys.executable
    good = [
        run("layers", python, ROOT / "tools" / "check_layers.py"),
        run("clang-format", "clang-format-14", "--dry-run", "--Werror", *cpp_files()),
        run("ruff check", BIN / "ruff", "check", "--quiet"),
        run("ruff format", BIN / "ruff", "format", "--check", "--quiet", "--diff"),
        run("mypy", BIN / "mypy", "--no-error-summary"),
        run("links", python, ROOT / "tools" / "check_links.py"),
        tidy(cpp_files() if "--all" in arguments else changed_cpp_files()),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
