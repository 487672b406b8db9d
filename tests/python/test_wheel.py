"""The wheel, installed where nothing else is: import, funnel, command line, server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNNEL = """
import signal, subprocess, sys
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as parquet
import penchant as pn

assert ".venv" not in pn.__file__ and "site-packages" in pn.__file__, pn.__file__
assert (Path(pn.__file__).parent / "py.typed").exists()
print(pn.build_info())

rng = np.random.default_rng(0)
n = 6000
taste = rng.integers(0, 4, 200)
who = rng.integers(0, 200, n)
what = np.where(rng.random(n) < 0.8, taste[who] * 20, 0) + rng.integers(0, 20, n)
when = 1_700_000_000 + np.sort(rng.integers(0, 80 * 86_400, n))
table = pa.table({
    "subject": pa.array([f"u{w}" for w in who]), "item": pa.array(what),
    "time": pa.array(when, pa.timestamp("s", "UTC")),
})
parquet.write_table(table, "events.parquet")
data = pn.Dataset.from_events(table)
train, test = pn.splits.temporal(data, test="14d")
funnel = pn.Pipeline().fit(train, progress=False)
print(pn.evaluate(funnel, test, metrics=["map@10", "auc"], exclude_seen=False))
funnel.save("shop.penchant")

scripts = Path(sys.executable).parent
subprocess.run([scripts / "penchant", "inspect", "shop.penchant"], check=True)
server = subprocess.Popen(
    [scripts / "penchant-serve", "shop.penchant", "--listen", "127.0.0.1:0"],
    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
try:
    client = pn.Client("http://" + server.stdout.readline().split()[-1])
    for k in (1, 5, 80):
        request = {"subject": "u7", "k": k}
        assert client.recommend_json(request) == funnel.recommend_json(request)
finally:
    server.send_signal(signal.SIGTERM)
    assert server.wait(20) == 0
print("the funnel ran")
"""


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The wheel of the sources as they are; built only when they changed."""
    subprocess.run([sys.executable, ROOT / "tools" / "make_wheel.py"], check=True, cwd=ROOT)
    (path,) = (ROOT / "dist").glob("penchant-*.whl")
    return path


def test_wheel_holds_what_it_should(wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = {info.filename: info for info in archive.infolist()}
    names = set(files)
    assert "penchant/_core.pyi" in names
    assert "penchant/py.typed" in names
    assert "penchant/cli/demo.py" in names
    assert len([name for name in names if re.match(r"penchant/_core\..*\.so$", name)]) == 1
    assert files["penchant/bin/penchant-serve"].external_attr >> 16 & 0o111, "not executable"
    assert any(name.startswith("penchant.libs/libopenblas") for name in names)
    rubbish = re.compile(r"__pycache__|\.cc$|\.h$|\.o$|\.a$|CMake|(^|/)tests?/|\.ipynb|\.log$")
    assert [name for name in names if rubbish.search(name)] == []


def test_wheel_names_a_platform(wheel):
    assert re.search(r"-cp3\d+-cp3\d+-manylinux_2_\d+_\w+\.whl$", wheel.name)


@pytest.mark.slow
def test_wheel_runs_a_funnel_in_a_clean_environment(wheel, tmp_path):
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "clean"], check=True)
    python = tmp_path / "clean" / "bin" / "python"
    subprocess.run(
        [
            *(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("-c", ROOT / "tools" / "constraints.txt", wheel),
        ],
        check=True,
        env=environment,
    )
    script = tmp_path / "funnel.py"
    script.write_text(FUNNEL)
    done = subprocess.run(
        [python, script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("the funnel ran\n")
