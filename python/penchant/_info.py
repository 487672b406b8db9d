"""What this build is and what it runs on."""

from __future__ import annotations


def build_info() -> dict[str, object]:
    """Version, compiler and the instruction sets that the kernels were compiled for and use here.

    Returns
    -------
    dict
        ``version``, ``build_type``, ``compiler``, ``architecture``, ``simd`` (in use) and
        ``simd_available`` (list, narrowest first).
    """
    from . import _core

    info: dict[str, object] = dict(_core.build_info())
    info["simd_available"] = str(info["simd_available"]).split()
    return info
