"""Python text is read by many threads at once: a refresh has one a source, a launch its own."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalog.python_text import literal, statements

TEXT = Path(__file__).read_text(encoding="utf-8")
READERS, TIMES = 8, 40


@pytest.fixture
def interrupted() -> Iterator[None]:
    """Threads give way to each other in the midst of reading: whenever something is collected."""

    def give_way(phase: str, info: dict[str, int]) -> None:
        del phase, info

    before, switch_s = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(give_way)
    gc.set_threshold(100, *before[1:])
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(switch_s)
    gc.set_threshold(*before)
    gc.callbacks.remove(give_way)


@pytest.mark.usefixtures("interrupted")
def test_many_threads_read_at_once() -> None:
    value = {"Gpus": [{"MemoryInfo": {"SizeInMiB": 81920}, "Names": [["H100"] * 40] * 20}]}
    text, names = repr(value), [type(each).__name__ for each in ast.parse(TEXT).body]
    with ThreadPoolExecutor(READERS) as readers:
        literals = [readers.submit(literal, text) for _ in range(TIMES)]
        modules = [readers.submit(statements, TEXT) for _ in range(TIMES)]
        assert all(each.result() == value for each in literals)
        assert all([type(n).__name__ for n in each.result().body] == names for each in modules)
