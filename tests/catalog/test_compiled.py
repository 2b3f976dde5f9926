"""The compiled file survives damage, races and lack of room."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import Catalog, CatalogError
from catalog.attributes import SNAPSHOT
from catalog.compiled import LAYOUT
from catalog.compiled_file import ABANDONED_AFTER_S, CHECKSUM_BYTES, KEPT_FILES, stamp


def compiled(folder: Path) -> Path:
    (path,) = folder.glob("catalog-*.sqlite")
    return path


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(5000))


def change_one_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def change_the_checksum(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[CHECKSUM_BYTES] = b"abcd"
    path.write_bytes(data)


def older_layout(path: Path) -> None:
    set_layout(path, LAYOUT - 1)


def newer_layout(path: Path) -> None:
    set_layout(path, LAYOUT + 1)


def set_layout(path: Path, layout: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = ? WHERE name = 'layout'", (str(layout),))
    connection.commit()
    connection.close()
    stamp(path)


def another_database(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()
    stamp(path)


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        empty,
        garbage,
        change_one_byte,
        change_the_checksum,
        older_layout,
        newer_layout,
        another_database,
    ],
)
def test_a_damaged_file_is_built_again(own_cache: Path, damage: Callable[[Path], None]) -> None:
    path = compiled(own_cache)
    good = path.read_bytes()
    damage(path)
    catalog = Catalog.open()
    assert catalog.repaired_damage
    assert catalog.offer_count > 500
    assert len(path.read_bytes()) == len(good)
    assert Catalog.open().repaired_damage is None


def test_offers_are_held_once_and_as_long_as_somebody_has_them(own_cache: Path) -> None:
    one, other = Catalog.open(own_cache), Catalog.open(own_cache)
    held = weakref.ref(one.offers)
    assert other.offers is held()
    del one, other
    gc.collect()
    assert held() is None


def test_two_processes_that_start_at_once_both_answer(tmp_path: Path) -> None:
    code = "from catalog import Catalog; print(len(Catalog.open().offers))"
    environment = {**os.environ, "PLANNER_CACHE_DIR": str(tmp_path / "cache")}
    root = Path(__file__).parents[2]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=root, env=environment, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    answers = [racer.communicate(timeout=60)[0] for racer in racers]
    assert answers[0] == answers[1]
    assert int(answers[0]) > 20000
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".sqlite"]


def test_old_files_are_pruned_and_abandoned_builds_removed(own_cache: Path) -> None:
    folder = own_cache
    compiled(folder).unlink()
    now = time.time()
    for age in range(6):
        old = folder / f"catalog-old{age}.sqlite"
        old.touch()
        os.utime(old, (now - 100 - age, now - 100 - age))
    abandoned, running = folder / ".catalog-build-a.tmp", folder / ".catalog-build-b.tmp"
    for path in (abandoned, running):
        path.touch()
    os.utime(abandoned, (now - 2 * ABANDONED_AFTER_S,) * 2)
    (folder / "notes.txt").touch()
    catalog = Catalog.open(folder)
    left = sorted(path.name for path in folder.iterdir())
    kept = ["catalog-old0.sqlite", "catalog-old1.sqlite"]
    assert left == sorted([catalog.path.name, *kept, running.name, "notes.txt"])
    assert len(kept) + 1 == KEPT_FILES


def test_an_unwritable_folder_is_told_with_a_remedy(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.touch()
    with pytest.raises(CatalogError, match="PLANNER_CACHE_DIR") as caught:
        Catalog.open(blocker / "cache")
    assert str(blocker) in caught.value.path


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder_is_told_with_a_remedy(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o500)
    with pytest.raises(CatalogError, match="PLANNER_CACHE_DIR"):
        Catalog.open(folder)


def test_a_full_disk_is_told_and_leaves_nothing(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled(own_cache).unlink()

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("catalog.compiled.stamp", full)
    with pytest.raises(CatalogError, match="free space"):
        Catalog.open()
    assert list(own_cache.iterdir()) == []


@pytest.mark.parametrize(
    ("table", "damage", "said"),
    [
        ("egress", lambda text: text.replace("0.09", "cheap", 1), "line 2, column"),
        ("egress", lambda text: text.replace("cloud,", "clouds,", 1), "header"),
        ("egress", lambda text: text + "aws,1\n", "has 2 cells"),
        ("electricity", lambda text: text.replace("0.0711", "nan", 1), "not finite"),
    ],
)
def test_a_damaged_snapshot_table_is_told_with_line_and_column(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    damage: Callable[[str], str],
    said: str,
) -> None:
    from catalog import compiled as module

    snapshot = tmp_path / "snapshot"
    shutil.copytree(SNAPSHOT, snapshot)
    monkeypatch.setattr(module, "SNAPSHOT", snapshot)
    path = snapshot / f"{table}.csv"
    path.write_text(damage(path.read_text()))
    with pytest.raises(CatalogError, match=said) as caught:
        module._read_csv(table)
    assert caught.value.path == str(path)
    assert "reinstall" in caught.value.remedy
