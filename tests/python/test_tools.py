"""The project's own small tools."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_our_documents_link_to_what_is_there():
    assert load("check_links").broken_links(ROOT) == []


def test_broken_links_are_found(tmp_path):
    (tmp_path / "a.md").write_text(
        "# One heading, with `code`\n[ok](b.md) [ok](#one-heading-with-code) [web](https://x.y)\n"
        "[gone](c.md)\n```\n[not a link](z.md)\n```\n[no](b.md#missing) ![pic](p.png)\n"
    )
    (tmp_path / "b.md").write_text("# There\n[back](a.md#one-heading-with-code)\n")
    assert load("check_links").broken_links(tmp_path) == [
        "a.md:3: c.md is not there",
        "a.md:7: no heading missing in b.md",
        "a.md:7: p.png is not there",
    ]


def test_requirements_name_each_extra_once():
    listed = load("requirements").requirements(["build", "test", "plots"])
    assert len(listed) == len(set(listed))
    assert any(line.startswith("pybind11") for line in listed)
    assert any(line.startswith("pytest") for line in listed)
    assert any(line.startswith("numpy") for line in listed)
    with pytest.raises(KeyError):
        load("requirements").requirements(["nothing"])


def test_test_runner_counts_both_kinds_of_report(tmp_path):
    (tmp_path / "cpp.xml").write_text(
        '<testsuites><testsuite><testcase name="a" status="run" result="completed"/>'
        '<testcase name="b" status="run" result="completed"><failure message="x"/></testcase>'
        '<testcase name="c" status="notrun" result="suppressed"/></testsuite></testsuites>'
    )
    (tmp_path / "py.xml").write_text(
        '<testsuites><testsuite><testcase name="a"/><testcase name="b"><skipped/></testcase>'
        '<testcase name="c"><error message="x"/></testcase></testsuite></testsuites>'
    )
    count = load("run_tests").count_reports([tmp_path / "cpp.xml", tmp_path / "py.xml"])
    assert (count.passed, count.failed, count.skipped) == (2, 2, 2)


@pytest.mark.parametrize(
    "script", sorted((ROOT / "tools").glob("*.sh")), ids=lambda path: path.name
)
def test_shell_scripts_parse(script):
    subprocess.run(["bash", "-n", script], check=True)


def test_missing_packages_are_named_when_they_cannot_be_installed(tmp_path):
    """Without root and sudo the message says what to install."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, body in {"id": "echo 1000", "dpkg-query": "exit 1"}.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    for name in ("grep", "bash"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True)
        (tools / name).symlink_to(found.stdout.strip())
    listed = tmp_path / "list.txt"
    listed.write_text("# comment\nlibexample-dev\n\nother\n")
    done = subprocess.run(
        [tools / "bash", ROOT / "tools" / "install_deps.sh", listed],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install libexample-dev other" in done.stderr
