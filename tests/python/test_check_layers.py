"""The layer check must fail on each thing it promises to catch, and pass on the repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "check_layers.py"
TABLE = """\
# module : uses : libraries
base   :           : tbb hwy
data   : base      : json
engine : base data : json tbb
bindings : base data engine : pybind11
"""
CLEAN = {
    "cpp/modules.txt": TABLE,
    "cpp/penchant/base/error.h": '#include "penchant/base/ids.h"\n#include <string>\n',
    "cpp/penchant/base/error.cc": '#include "penchant/base/error.h"\n#include <unistd.h>\n',
    "cpp/penchant/base/loop.cc": '#include "penchant/base/tasks.h"\n#include <tbb/tbb.h>\n',
    "cpp/penchant/base/tasks.h": "#include <tbb/task_group.h>\n",  # nobody else sees it
    "cpp/penchant/base/ids.h": "#include <cstdint>\n",
    "cpp/penchant/base/kernel-inl.h": '#include "hwy/highway.h"\n',
    "cpp/penchant/base/kernel.cc": '#include "penchant/base/kernel-inl.h"\n// _mm_add_ps\n',
    "cpp/penchant/data/map.h": '#pragma once\n#include "penchant/base/error.h"\n',
    "cpp/penchant/data/meta.h": "#include <nlohmann/json.hpp>\n",  # seen where json is named
    "cpp/penchant/engine/assets.cc": '#include "penchant/data/meta.h"\n',
    "cpp/penchant/bindings/register.h": "#include <pybind11/pybind11.h>\n",
    "cpp/apps/main.cc": '#include "penchant/data/map.h"\n',
}


def check_files(tmp_path: Path, files: dict[str, str]) -> tuple[int, str]:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, TOOL, tmp_path], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_repository_keeps_to_its_table():
    done = subprocess.run([sys.executable, TOOL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_clean_tree_passes(tmp_path):
    assert check_files(tmp_path, CLEAN) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "where", "what"),
    [
        (
            "cpp/penchant/base/error.cc",
            '\n#include "penchant/data/map.h"\n',
            "cpp/penchant/base/error.cc:2",
            "base may not use data",
        ),
        (
            "cpp/penchant/data/map.cc",
            '  #  include "penchant/engine/engine.h"\n',
            "cpp/penchant/data/map.cc:1",
            "data may not use engine",
        ),
        (
            "cpp/penchant/base/error.h",
            "#include <nlohmann/json.hpp>\n",
            "cpp/penchant/base/error.h:1",
            "through this header",
        ),
        (
            "cpp/penchant/base/ids.h",  # seen through error.h
            "#include <tbb/parallel_for.h>\n",
            "cpp/penchant/base/ids.h:1",
            "through this header",
        ),
        (
            "cpp/penchant/engine/assets.h",
            '#include "penchant/data/meta.h"\n',
            "cpp/penchant/data/meta.h:1",
            "penchant/engine/assets.h sees",
        ),
        (
            "cpp/penchant/bindings/a.cc",
            '#include "penchant/data/meta.h"\n',
            "cpp/penchant/data/meta.h:1",
            "through this header",
        ),
        (
            "cpp/penchant/base/error.h",
            "#include <tbb/parallel_for.h>\n",
            "cpp/penchant/base/error.h:1",
            "through this header",
        ),
        (
            "cpp/penchant/base/error.h",
            '#include "penchant/base/kernel-inl.h"\n',
            "cpp/penchant/base/error.h:1",
            "shows the private",
        ),
        (
            "cpp/penchant/data/map.cc",
            '#include "penchant/base/kernel-inl.h"\n',
            "cpp/penchant/data/map.cc:1",
            "private to base",
        ),
        (
            "cpp/penchant/data/map.cc",
            "#include <faiss/IndexHNSW.h>\n",
            "cpp/penchant/data/map.cc:1",
            "does not name faiss",
        ),
        (
            "cpp/penchant/data/map.cc",
            "#include <Eigen/Dense>\n",
            "cpp/penchant/data/map.cc:1",
            "does not name eigen",
        ),
        (
            "cpp/penchant/data/map.cc",
            '#include "map.h"\n',
            "cpp/penchant/data/map.cc:1",
            "included as penchant/<module>/",
        ),
        (
            "cpp/penchant/data/map.cc",
            '#include "penchant/base/gone.h"\n',
            "cpp/penchant/data/map.cc:1",
            "is not there",
        ),
        (
            "cpp/penchant/data/map.cc",
            '#include "penchant/nowhere/a.h"\n',
            "cpp/penchant/data/map.cc:1",
            "in no module",
        ),
        (
            "cpp/penchant/base/kernel.cc",
            "#include <immintrin.h>\n",
            "cpp/penchant/base/kernel.cc:1",
            "write it with Highway",
        ),
        (
            "cpp/penchant/base/kernel.cc",
            "\n\nauto x = _mm256_add_ps(a, b);\n",
            "cpp/penchant/base/kernel.cc:3",
            "write it with Highway",
        ),
        ("cpp/penchant/base/kernel.cc", "__m128i x;\n", "cpp/penchant/base/kernel.cc:1", "__m128i"),
        ("cpp/penchant/stray/a.cc", "int x;\n", "cpp/penchant/stray/a.cc:1", "no module"),
        ("cpp/stray.cc", "int x;\n", "cpp/stray.cc:1", "no module"),
        (
            "cpp/apps/main.cc",
            '#include "penchant/bindings/register.h"\n',
            "cpp/apps/main.cc:1",
            "may not use bindings",
        ),
        (
            "cpp/modules.txt",
            TABLE.replace("base   :     ", "base   : data"),
            "modules.txt:2",
            "not above it",
        ),
        ("cpp/modules.txt", TABLE + "base : : \n", "modules.txt:6", "two rows"),
        ("cpp/modules.txt", TABLE + "odd row\n", "modules.txt:6", "a row is"),
    ],
)
def test_each_fault_is_caught(tmp_path, name, text, where, what):
    code, out = check_files(tmp_path, {**CLEAN, name: text})
    assert code == 1
    assert any(where in line and what in line for line in out.splitlines()), out
