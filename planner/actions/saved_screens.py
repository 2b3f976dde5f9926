"""What was open on the screen, as a file that opens there again.

Figures of marked options are kept as they were; the plan itself is made anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from planner.actions.explore.inputs import Subject, open_subject
from planner.actions.explore.view import Option
from planner.actions.write_file import write_text
from planner.errors import BadInput
from planner.results import Item
from planner.workload import parse

MOST_BYTES = 10_000_000


class SavedOption(BaseModel):
    """An option as it was; ``x`` is None where unknown."""

    model_config = ConfigDict(extra="forbid")

    item: Item
    headline: str
    x: float | None
    y: float

    @classmethod
    def each(cls, options: Iterable[Option]) -> list[SavedOption]:
        """Those that JSON can hold: a cost without bound is no number there."""
        found = [
            cls(
                item=option.item,
                headline=option.headline,
                x=option.x if math.isfinite(option.x) else None,
                y=option.y,
            )
            for option in options
        ]
        return [one for one in found if _is_json(one)]

    def option(self) -> Option:
        """Of an older plan, until the next one has it again."""
        x = float("nan") if self.x is None else self.x
        return Option("gone", 0, -1, self.item, self.headline, x, self.y)


def _is_json(option: SavedOption) -> bool:
    try:
        json.dumps(option.model_dump(mode="json"), allow_nan=False)
    except ValueError:
        return False
    return True


class SavedScreens(BaseModel):
    """``inputs`` by screen, as texts; ``screen`` is the one in sight."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_: Literal["planner.tui/1"] = Field(default="planner.tui/1", alias="schema")
    file: str | None
    workload: dict[str, Any]
    portfolio: str | None = None
    screen: str = "explore"
    theme: str | None = None
    inputs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    marked: list[SavedOption] = Field(default_factory=list)
    pinned: list[SavedOption] = Field(default_factory=list)

    def subject(self, where: str) -> Subject:
        """The workload that was under study. Raises BadInput.

        Its file is named only where it still says the same: copied commands name it. So it is one
        of several only where their file still has it like this.
        """
        workload = parse(self.workload, where=f"{where}: workload")
        if self.portfolio and (one := _one_of(self.portfolio, workload.name, self.workload)):
            return one
        file = self.file if self.file and _holds(self.file, self.workload) else None
        return Subject(workload, file, self.workload)


def _one_of(portfolio: str, name: str, workload: dict[str, Any]) -> Subject | None:
    try:
        one = open_subject(portfolio, name=name)
    except BadInput:
        return None
    return one if one.portfolio is not None and dict(one.data) == workload else None


def _holds(file: str, workload: dict[str, Any]) -> bool:
    from planner.yaml_file import load as load_yaml

    try:
        return bool(load_yaml(file) == workload)
    except BadInput:
        return False


def folder() -> Path:
    """Where saved screens lie unless another place is named."""
    from catalog.observations import data_dir

    return data_dir() / "tui"


def last() -> Path:
    """What is kept without being asked: the state at the newest answer."""
    return folder() / "last.json"


def save(saved: SavedScreens, path: Path, *, force: bool) -> None:
    """Write it whole or not at all. Raises BadInput, also where the file exists unless forced."""
    if path.parent == folder():
        path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(saved.model_dump(mode="json", by_alias=True), indent=1, allow_nan=False)
    write_text(path, text + "\n", force=force)


def load(path: Path) -> SavedScreens:
    """Read it. Raises BadInput for a file that is none."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"cannot be read ({error.strerror})",
            where=str(path),
            remedy="name a file saved with ctrl+s in `planner tui`",
        ) from None
    remedy = "name a file saved with ctrl+s in `planner tui`"
    if len(data) > MOST_BYTES:
        raise BadInput("is too large to be a session", where=str(path), remedy=remedy)
    try:
        return SavedScreens.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "file"
        raise BadInput(
            f"is no session of the screen ({first['msg'].lower()})",
            where=f"{path}: {field}",
            remedy=remedy,
        ) from None


def texts(inputs: Any) -> dict[str, Any]:
    """A frozen dataclass of inputs as JSON holds it."""
    import dataclasses

    return dataclasses.asdict(inputs)
