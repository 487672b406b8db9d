"""Environments for the libraries we compare with: one each, so that none shadows another's modules.

    python = environments.ensure("implicit")      # build/peers/implicit/bin/python
    environments.run("implicit", "worker.py", task, out)

The pinned packages are the sections of `benchmarks/requirements.txt`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
REQUIREMENTS = HERE.parent / "requirements.txt"
HOME = Path(os.environ.get("PENCHANT_PEERS", ROOT / "build" / "peers"))


def sections() -> dict[str, list[str]]:
    """Return the pinned requirements of each environment."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in REQUIREMENTS.read_text().splitlines():
        text = line.strip()
        if text.startswith("# [") and text.endswith("]"):
            current = found.setdefault(text[3:-1], [])
        elif text and not text.startswith("#"):
            if current is None:
                raise SystemExit(f"{REQUIREMENTS}: {text!r} stands before the first '# [name]'")
            current.append(text)
    return found


def ensure(name: str) -> Path:
    """Make the environment, or take the one that is there when its pins are unchanged."""
    wanted = sections()[name]
    folder = HOME / name
    python = folder / "bin" / "python"
    key = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    stamp = folder / ".stamp"
    if stamp.exists() and stamp.read_text() == key:
        return python
    print(f"peers: installing {', '.join(wanted)}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *wanted], check=True)
    stamp.write_text(key)
    return python


def run(
    name: str | None, script: str, *arguments: object, threads: int = 2, blas_threads: int = 1
) -> str:
    """Run a script of this folder in an environment (None: this very Python); return its output.

    BLAS is held to one thread where the caller has threads of its own, as implicit asks for, and
    chooses its kernels by the machine, whatever the caller's environment would have it believe.
    """
    python = Path(sys.executable) if name is None else ensure(name)
    settings = dict(os.environ, OMP_NUM_THREADS=str(threads))
    for forced in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        settings.pop(forced, None)
    for limit in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        settings[limit] = str(blas_threads)
    done = subprocess.run(
        [str(python), str(HERE / script), *map(str, arguments)],
        env=settings,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def machine() -> dict[str, object]:
    """Describe the machine that a figure belongs to."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as lines:
            model = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
