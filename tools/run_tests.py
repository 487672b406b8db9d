"""Run the C++ and the Python tests and close with one line that counts both.

    .venv/bin/python tools/run_tests.py [--cpp] [--python] [pytest arguments]

The exit code is 0 only when everything passed and something ran.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Count:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Count) -> None:
        """Sum."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def count_reports(paths: list[Path]) -> Count:
    """Count the test cases of JUnit-like reports (GoogleTest's and pytest's)."""
    total = Count()
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                total.failed += 1
            elif (
                case.find("skipped") is not None
                or case.get("status") == "notrun"
                or case.get("result") in {"skipped", "suppressed"}
            ):
                total.skipped += 1
            else:
                total.passed += 1
    return total


def run_cpp(reports: Path) -> tuple[Count, bool]:
    """Run every GoogleTest program of build/release under ctest."""
    jobs = str(max(1, min(4, os.cpu_count() or 1)))
    done = subprocess.run(
        ["ctest", "--test-dir", ROOT / "build" / "release", "--output-on-failure", "-j", jobs],
        env={**os.environ, "GTEST_OUTPUT": f"xml:{reports}/"},
        check=False,
    )
    return count_reports(sorted(reports.glob("*.xml"))), done.returncode == 0


def run_python(reports: Path, arguments: list[str]) -> tuple[Count, bool]:
    """Run pytest."""
    report = reports / "pytest.xml"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", f"--junitxml={report}"),
            *("-n", str(max(1, min(4, os.cpu_count() or 1))), "--dist", "worksteal", *arguments),
        ],
        cwd=ROOT,
        check=False,
    )
    count = count_reports([report]) if report.exists() else Count()
    return count, done.returncode == 0


def main(arguments: list[str]) -> int:
    """Run what was asked for (both when nothing was) and print the closing line."""
    wanted = {name for name in ("--cpp", "--python") if name in arguments} or {"--cpp", "--python"}
    rest = [argument for argument in arguments if argument not in {"--cpp", "--python"}]
    start = time.monotonic()
    total, good = Count(), True
    with tempfile.TemporaryDirectory() as folder:
        for name in ("--cpp", "--python"):
            if name not in wanted:
                continue
            reports = Path(folder) / name.strip("-")
            reports.mkdir()
            count, passed = run_cpp(reports) if name == "--cpp" else run_python(reports, rest)
            if not passed and count.failed == 0:
                count.failed = 1  # a crash or a time-out leaves no report behind
            total.add(count)
            good = good and passed
    print(f"\ntests took {time.monotonic() - start:.0f} s", flush=True)
    line = f"{total.passed} passed, {total.failed} failed"
    print(line + (f", {total.skipped} skipped" if total.skipped else ""), flush=True)
    return 0 if good and total.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
