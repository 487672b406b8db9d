"""python/penchant/_core.pyi names exactly what the extension has (`make stubs` rewrites it)."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from penchant import _core

STUB = Path(__file__).resolve().parents[2] / "python" / "penchant" / "_core.pyi"


def names_in_stub() -> set[str]:
    names: set[str] = set()

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                names.add(prefix + node.name)
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                names.add(prefix + node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(prefix + node.target.id)

    visit(ast.parse(STUB.read_text(encoding="utf-8")).body, "")
    return {name for name in names if not name.split(".")[-1].startswith("_")}


def names_in_module() -> set[str]:
    names: set[str] = set()

    def visit(owner: object, prefix: str) -> None:
        for name, value in vars(owner).items():
            if name.startswith("_"):
                continue
            names.add(prefix + name)
            if inspect.isclass(value):
                visit(value, f"{prefix}{name}.")

    visit(_core, "")
    return names


def test_stub_and_extension_have_the_same_names():
    stub, module = names_in_stub(), names_in_module()
    assert stub - module == set(), "the stub has names that the extension lacks; run `make stubs`"
    assert module - stub == set(), "the extension has names that the stub lacks; run `make stubs`"
