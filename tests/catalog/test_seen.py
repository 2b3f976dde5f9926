"""A catalog that was checked is opened without reading it all again, and never when it changed."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from catalog import Catalog, compiled, compiled_file
from catalog.attributes import SNAPSHOT
from catalog.seen import SETTLED_AFTER_S, Seen


def age(folder: Path, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock run on: change times of files cannot be set back."""
    monkeypatch.setattr(time, "time", lambda: folder.stat().st_ctime + seconds)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read whole to be digested or checked."""
    names: list[str] = []
    for module in (compiled, compiled_file):
        whole = module.pieces

        def noted(path: Path, whole=whole):  # type: ignore[no-untyped-def]
            names.append(path.name)
            return whole(path)

        monkeypatch.setattr(module, "pieces", noted)
    return names


@pytest.fixture
def settled(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path, list[str]]:
    """A cache whose catalog was built and checked a while ago, and its own snapshot."""
    snapshot, cache = tmp_path / "snapshot", tmp_path / "cache"
    shutil.copytree(SNAPSHOT, snapshot)
    monkeypatch.setattr(compiled, "SNAPSHOT", snapshot)
    Catalog.open(cache)
    Catalog.open(cache)
    assert not list(cache.glob("seen-*")), "what changed a moment ago is not remembered"
    age(cache, 10 * SETTLED_AFTER_S, monkeypatch)
    Catalog.open(cache)
    assert list(cache.glob("seen-*"))
    read.clear()
    return cache, snapshot, read


def test_the_second_time_nothing_is_read_whole(settled: tuple[Path, Path, list[str]]) -> None:
    cache, _, read = settled
    assert Catalog.open(cache).offer_count > 1000
    assert read == []


def test_a_changed_table_is_noticed_though_size_and_time_stay(
    settled: tuple[Path, Path, list[str]],
) -> None:
    cache, snapshot, read = settled
    before = Catalog.open(cache)
    path = snapshot / "sources.csv"
    stat, data = path.stat(), bytearray(path.read_bytes())
    place = data.rindex(b"e")
    data[place : place + 1] = b"a"
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert Catalog.open(cache).content_id != before.content_id
    assert "sources.csv" in read


@pytest.mark.parametrize("keep_times", [False, True])
def test_a_damaged_compiled_file_is_noticed(
    settled: tuple[Path, Path, list[str]], keep_times: bool
) -> None:
    cache, _, _ = settled
    (path,) = cache.glob("catalog-*.sqlite")
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    if keep_times:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert "checksum" in (Catalog.open(cache).repaired_damage or "")


def test_a_compiled_file_that_is_gone_is_built_again(
    settled: tuple[Path, Path, list[str]],
) -> None:
    cache, _, _ = settled
    (path,) = cache.glob("catalog-*.sqlite")
    path.unlink()
    assert Catalog.open(cache).repaired_damage is None
    assert path.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"compiled": 3}', b'{"compiled": "../x"}', b"\xff\x00",
     b"[" * 9999],
    ids=["empty", "cut", "list", "null", "number", "outside", "no-text", "deep"],
)  # fmt: skip
def test_a_damaged_memory_is_no_memory(
    settled: tuple[Path, Path, list[str]], content: bytes
) -> None:
    cache, _, read = settled
    (kept,) = cache.glob("seen-*.json")
    kept.write_bytes(content)
    assert Catalog.open(cache).repaired_damage is None
    assert len(read) > 10


def test_another_layout_is_another_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, made = tmp_path / "a.csv", tmp_path / "catalog-1.sqlite"
    source.write_text("a")
    made.write_text("b")
    age(tmp_path, 10 * SETTLED_AFTER_S, monkeypatch)
    Seen(tmp_path, "1", [source]).remember(made)
    assert Seen(tmp_path, "1", [source]).compiled() == made
    assert Seen(tmp_path, "2", [source]).compiled() is None
    assert Seen(tmp_path, "1", [source, source]).compiled() is None
