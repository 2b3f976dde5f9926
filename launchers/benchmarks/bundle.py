"""One file of a program and the modules beside it that it imports, to be copied anywhere.

Their names are all different, so that their source can stand one after the other.
"""

from __future__ import annotations

import ast
import hashlib
import os
import tempfile
from pathlib import Path

from catalog.python_text import statements
from catalog.store import cache_dir
from launchers.benchmarks import PROGRAMS, Benchmark

PACKAGE = "launchers.benchmarks.programs"


def bundled(program: str) -> str:
    """The source of one self-contained file."""
    parts: dict[str, str] = {}
    _collect(program, parts)
    text = (PROGRAMS / f"{program}.py").read_text(encoding="utf-8")
    docstring = ast.get_docstring(statements(text), clean=False) or program
    body = "\n\n".join(parts.values())  # the program's own part is the last one collected
    return f'"""{docstring}"""\n\nfrom __future__ import annotations\n\n{body}'


def executable(benchmark: Benchmark) -> Path:
    """The bundled program in the cache folder, named after its content; written when absent."""
    text = bundled(benchmark.program)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    # Not the bare name: a program called vllm.py would hide the package.
    path = cache_dir() / "benchmarks" / f"planner_{benchmark.program}_{digest}.py"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)
    return path


def _collect(name: str, parts: dict[str, str]) -> None:
    """Modules in the order in which their names are needed, each once."""
    if name in parts:
        return
    text = (PROGRAMS / f"{name}.py").read_text(encoding="utf-8")
    for node in statements(text).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            _collect((node.module or "").removeprefix(f"{PACKAGE}."), parts)
    parts[name] = _without(text)


def _without(text: str) -> str:
    """The source without what only the checkout has: imports from beside it, future imports."""
    lines = text.splitlines(keepends=True)
    drop: set[int] = set()
    for number, node in enumerate(statements(text).body):
        local = isinstance(node, ast.ImportFrom) and (
            (node.module or "").startswith(PACKAGE) or node.module == "__future__"
        )
        is_docstring = (
            number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        )
        if local or is_docstring:
            drop.update(range(node.lineno - 1, node.end_lineno or node.lineno))
    return "".join(line for i, line in enumerate(lines) if i not in drop).strip() + "\n"
