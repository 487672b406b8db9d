"""Check that the C++ sources keep to the module table, cpp/modules.txt.

    python tools/check_layers.py [repository root]

Each fault is printed as `file:line: what is wrong`, and the exit code is 1 when there is any:

- a module that uses one which is not above it in the table (so the table can hold no cycle);
- an #include of penchant/<module>/ that the table does not allow;
- an #include of a library that the module's row does not name;
- a third-party or platform header that another module sees through a header of this one. Only .cc
  files of modules whose own rows name that library may see it so. `*_internal.h` and `*-inl.h` are
  seen by no other module at all;
- a source that belongs to no module, or an #include of a project header that is not there;
- instruction-set intrinsics: kernels are written with Highway, which is portable.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# Library name in the table -> how its headers begin. One without headers of its own is absent.
LIBRARIES = {
    "blas": ("cblas.h", "lapacke.h", "openblas"),
    "boost": ("boost/",),
    "crypto": ("openssl/",),
    "eigen": ("Eigen/", "unsupported/Eigen/"),
    "faiss": ("faiss/", "omp.h"),  # Faiss's loops are OpenMP's
    "hwy": ("hwy/",),
    "json": ("nlohmann/",),
    "pybind11": ("pybind11/", "Python.h"),
    "rocksdb": ("rocksdb/",),
    "simdjson": ("simdjson",),
    "tbb": ("tbb/", "oneapi/tbb"),
    "xxhash": ("xxhash.h", "xxh3.h"),
    "zstd": ("zstd",),
}
# Modules whose headers are nobody's public interface.
PRIVATE_MODULES = {"bindings"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
INTRINSIC = re.compile(
    r"\b(?:_mm\d*_\w+|__m(?:64|128|256|512)[di]?\b|__builtin_ia32_\w+|__builtin_neon_\w+"
    r"|v(?:ld|st)[1-4]q?_[fsu]\d+)"
)
INTRINSIC_HEADER = re.compile(r"^(?:\w*intrin\.h|arm_(?:neon|sve)\.h|cpuid\.h)$")
COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)


@dataclass(frozen=True)
class Module:
    """A row of the table."""

    name: str
    line: int
    uses: tuple[str, ...]
    libraries: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def read_table(path: Path) -> tuple[dict[str, Module], list[Fault]]:
    """Read the rows in order, with what is wrong in them."""
    modules: dict[str, Module] = {}
    faults = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not text.strip() or text.startswith("#"):
            continue
        columns = [column.split() for column in text.split(":")]
        if len(columns) != 3 or len(columns[0]) != 1:
            faults.append(Fault(path, number, "a row is `module : uses : libraries`"))
            continue
        module = Module(columns[0][0], number, tuple(columns[1]), tuple(columns[2]))
        if module.name in modules:
            faults.append(Fault(path, number, f"{module.name} has two rows"))
        for used in module.uses:
            if used not in modules:
                faults.append(
                    Fault(
                        path,
                        number,
                        f"{module.name} uses {used}, which is not above it in the table: "
                        "arrows point up only, or there would be a cycle",
                    )
                )
        modules[module.name] = module
    return modules, faults


def is_private(path: PurePosixPath) -> bool:
    """Whether a header is for its own module's eyes only."""
    return path.name.endswith(("_internal.h", "-inl.h"))


def is_standard(header: str) -> bool:
    """Whether it is a header of the C++ standard library: no suffix, no folder."""
    return "/" not in header and "." not in header


def library_of(header: str) -> str | None:
    """The table's name of the library that a header belongs to."""
    for library, prefixes in LIBRARIES.items():
        if header.startswith(prefixes):
            return library
    return None


def includes_of(text: str) -> Iterator[tuple[int, str, bool]]:
    """Line number, header and whether it is in quotes, of each #include."""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := INCLUDE.match(line):
            yield number, match[1] or match[2], match[2] is not None


def without_comments(text: str) -> str:
    """The same lines with comments and string literals blanked."""
    return COMMENT_OR_TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


class Checker:
    """Checks sources against one table."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = root / "cpp"
        self.modules, self.faults = read_table(self.sources / "modules.txt")
        self.includers = self.find_includers()

    def fault(self, path: Path, line: int, text: str) -> None:
        self.faults.append(Fault(path.relative_to(self.root), line, text))

    def find_includers(self) -> dict[str, set[str]]:
        """Project file -> the files that include it, all named as from cpp/."""
        includers: dict[str, set[str]] = {}
        for path in self.sources.rglob("*"):
            if path.suffix in {".h", ".cc"} and path.is_file():
                name = path.relative_to(self.sources).as_posix()
                for _, header, _ in includes_of(path.read_text(encoding="utf-8")):
                    includers.setdefault(header, set()).add(name)
        return includers

    def outside_viewers(self, header: str) -> set[str]:
        """Files of other modules that see a header, directly or through others."""
        reached, waiting = {header}, [header]
        while waiting:
            for name in self.includers.get(waiting.pop(), set()) - reached:
                reached.add(name)
                waiting.append(name)
        home = PurePosixPath(header).parts[:2]
        return {name for name in reached if PurePosixPath(name).parts[:2] != home}

    def may_see(self, viewer: str, library: str | None) -> bool:
        """Whether another module's file may see a library through a header that is not its own."""
        parts = PurePosixPath(viewer).parts
        module = self.modules.get(parts[1]) if parts[0] == "penchant" else None
        return viewer.endswith(".cc") and module is not None and library in module.libraries

    def run(self) -> list[Fault]:
        """Check every C++ file below cpp/."""
        for path in sorted(self.sources.rglob("*")):
            if path.suffix not in {".h", ".cc", ".cpp", ".hpp", ".c"} or not path.is_file():
                continue
            relative = PurePosixPath(path.relative_to(self.sources).as_posix())
            parts = relative.parts
            if parts[0] == "apps":
                self.check_file(path, relative, None)
            elif parts[0] == "penchant" and len(parts) > 2 and parts[1] in self.modules:
                self.check_file(path, relative, self.modules[parts[1]])
            else:
                self.fault(path, 1, "belongs to no module of cpp/modules.txt")
        return self.faults

    def check_file(self, path: Path, relative: PurePosixPath, module: Module | None) -> None:
        text = path.read_text(encoding="utf-8")
        for line, header, quoted in includes_of(text):
            if header.startswith("penchant/"):
                self.check_project_include(path, line, relative, module, header)
            else:
                self.check_library_include(path, line, relative, module, header, quoted)
        for number, line_text in enumerate(without_comments(text).splitlines(), start=1):
            if match := INTRINSIC.search(line_text):
                self.fault(
                    path, number, f"{match[0]} ties us to one processor; write it with Highway"
                )

    def check_project_include(
        self, path: Path, line: int, relative: PurePosixPath, module: Module | None, header: str
    ) -> None:
        target = PurePosixPath(header)
        if len(target.parts) < 3 or target.parts[1] not in self.modules:
            self.fault(path, line, f"{header} is in no module of cpp/modules.txt")
            return
        used = target.parts[1]
        if not (self.sources / header).is_file():
            self.fault(path, line, f"{header} is not there")
        if module is None:
            if used in PRIVATE_MODULES:
                self.fault(path, line, f"a program may not use {used}")
        elif used != module.name and used not in module.uses:
            self.fault(path, line, f"{module.name} may not use {used} ({header})")
        same_module = module is not None and used == module.name
        if is_private(target):
            if not same_module:
                self.fault(path, line, f"{header} is private to {used}")
            elif relative.suffix == ".h" and self.outside_viewers(relative.as_posix()):
                self.fault(path, line, f"a public header shows the private {header}")

    def check_library_include(
        self,
        path: Path,
        line: int,
        relative: PurePosixPath,
        module: Module | None,
        header: str,
        quoted: bool,
    ) -> None:
        if INTRINSIC_HEADER.match(header):
            self.fault(path, line, f"{header} ties us to one processor; write it with Highway")
            return
        if is_standard(header):
            return
        library = library_of(header)
        if quoted and library is None:
            self.fault(
                path, line, f'"{header}": project headers are included as penchant/<module>/'
            )
            return
        if library is not None and module is not None and library not in module.libraries:
            self.fault(path, line, f"{module.name}'s row does not name {library} ({header})")
        if relative.suffix == ".h":
            viewers = sorted(self.outside_viewers(relative.as_posix()))
            astray = [viewer for viewer in viewers if not self.may_see(viewer, library)]
            if astray:
                self.fault(path, line, f"{astray[0]} sees {header} through this header; hide it")


def main(arguments: list[str]) -> int:
    """Print what is wrong."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    faults = Checker(root.resolve()).run()
    for fault in faults:
        print(fault)
    if faults:
        print(f"check_layers: {len(faults)} fault(s)", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
