"""Own measurements survive kills and two writers, and damage is told, not papered over."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.attributes import attributes
from catalog.errors import CatalogError
from catalog.observations import NUMBERS, Observation, OwnObservations

OBSERVATION = Observation(
    id="",
    task="train",
    model="MNIST-CNN-pytorch-examples",
    accelerator="this-machine",
    metric="images_per_s_per_device",
    value=1000.5,
    source="test",
    source_id="own",
)
WRITER = """
import sys
from pathlib import Path
from catalog.observations import Observation, OwnObservations
store = OwnObservations(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    row = Observation(id=f"{sys.argv[2]}-{number}", task="train", model="m", accelerator="a",
                      metric="x", value=float(number), source="s", source_id="own")
    store.append(row, machine="here", result_json="{}" * 300)
    print(number, flush=True)
"""


def start_writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_columns_are_those_of_the_attribute_table() -> None:
    columns = attributes()["observations"]
    assert list(OBSERVATION.to_row()) == list(columns)
    assert {name for name, column in columns.items() if column.type == "number"} == NUMBERS


def test_a_stored_observation_comes_back_with_its_result_to_the_byte(tmp_path: Path) -> None:
    store = OwnObservations(tmp_path)
    assert store.all() == []
    assert not store.path.exists()  # looking creates nothing
    text = '{"value":  1000.5000, "text": "é\\u2028"}'
    written = store.append(OBSERVATION, machine="f00", result_json=text)
    (read,) = OwnObservations(tmp_path).all()
    assert read == written
    assert read.result_json == text
    assert read.observation.value == 1000.5
    assert read.observation.seq_len is None
    assert read.id.startswith("own-")


@given(
    value=st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    notes=st.text(max_size=50),
)
def test_row_round_trip(value: float | None, notes: str) -> None:
    row = OBSERVATION.to_row() | {"value": value, "notes": notes}
    assert Observation.from_row(json.loads(json.dumps(row))).to_row() == row


def test_text_in_place_of_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="many"):
        Observation.from_row(OBSERVATION.to_row() | {"nodes": "many"})


def test_data_dir_follows_the_environment(isolated_dirs: Path) -> None:
    assert OwnObservations().path == isolated_dirs / "observations.sqlite"


@pytest.mark.parametrize("attempt", range(4))
def test_kill_at_any_moment_keeps_every_row_reported(tmp_path: Path, attempt: int) -> None:
    writer = start_writer(tmp_path, "w", 100_000)
    assert writer.stdout is not None
    if attempt:  # the first is killed as early as while the file is made
        writer.stdout.readline()
    time.sleep(random.uniform(0, 0.3))
    writer.send_signal(signal.SIGKILL)
    reported = len(writer.stdout.read().split()) + (1 if attempt else 0)
    writer.wait()
    rows = OwnObservations(tmp_path).all()
    # One more may have been made durable than was reported, none fewer.
    assert len(rows) in (reported, reported + 1)
    assert [row.id for row in rows] == [f"w-{number}" for number in range(len(rows))]
    OwnObservations(tmp_path).append(OBSERVATION, machine="m", result_json="{}")
    assert len(OwnObservations(tmp_path).all()) == len(rows) + 1


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, name, 25) for name in ("a", "b", "c")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    names = {row.id for row in OwnObservations(tmp_path).all()}
    assert names == {f"{name}-{number}" for name in "abc" for number in range(25)}


@pytest.mark.parametrize("damage", ["emptied", "text", "cut", "flipped", "header", "foreign"])
def test_damage_is_reported_and_the_file_left_alone(tmp_path: Path, damage: str) -> None:
    store = OwnObservations(tmp_path)
    for _ in range(30):
        store.append(OBSERVATION, machine="m", result_json='{"filler": "' + "x" * 900 + '"}')
    raw = store.path.read_bytes()
    broken = {
        "emptied": b"",
        "text": b"these are not the rows you look for\n" * 200,
        "cut": raw[: len(raw) // 2],
        "flipped": raw.replace(b"xxxxxxxx", b"xxxXxxxx", 1),
        "header": b"\0" * 100 + raw[100:],
        "foreign": raw,
    }[damage]
    store.path.write_bytes(broken)
    if damage == "foreign":
        with sqlite3.connect(store.path) as connection:
            connection.execute("PRAGMA application_id = 7")
        connection.close()
        broken = store.path.read_bytes()
    with pytest.raises(CatalogError) as caught:
        OwnObservations(tmp_path).all()
    assert str(store.path) in str(caught.value)
    assert caught.value.remedy
    if damage != "flipped":  # adding to a store with one bad row harms nothing
        with pytest.raises(CatalogError):
            OwnObservations(tmp_path).append(OBSERVATION, machine="m", result_json="{}")
        assert store.path.read_bytes() == broken


def test_a_newer_layout_is_named_as_such(tmp_path: Path) -> None:
    store = OwnObservations(tmp_path)
    store.append(OBSERVATION, machine="m", result_json="{}")
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(CatalogError, match="layout 99"):
        store.all()


def test_rows_cannot_be_changed_by_hand(tmp_path: Path) -> None:
    store = OwnObservations(tmp_path)
    store.append(OBSERVATION, machine="m", result_json="{}")
    connection = sqlite3.connect(store.path)
    for statement in ("DELETE FROM observations", "UPDATE observations SET machine = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="only added"):
            connection.execute(statement)
    connection.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(CatalogError, match="PLANNER_DATA_DIR"):
        OwnObservations(in_the_way).append(OBSERVATION, machine="m", result_json="{}")
    if os.geteuid() != 0:  # root may write anywhere
        tmp_path.chmod(0o500)
        with pytest.raises(CatalogError, match="permissions"):
            OwnObservations(tmp_path / "new").append(OBSERVATION, machine="m", result_json="{}")
