"""The user's choices for the screen: a TOML file in the platform's config folder.

    theme = "high-contrast"
    ascii = false

    [keys]
    "explore.mark" = "m,space"

A bad file changes nothing: its mistakes are told, the defaults stay.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

FIELDS = ("theme", "ascii", "keys")
MOST_BYTES = 100_000


@dataclass
class Config:
    """``mistakes`` are lines for the user: what was wrong, where, what would be right."""

    theme: str | None = None
    ascii: bool | None = None
    keys: dict[str, str] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)


def config_path() -> Path:
    """``PLANNER_CONFIG_DIR`` or the platform's config folder."""
    override = os.environ.get("PLANNER_CONFIG_DIR")
    if override:
        return Path(override) / "tui.toml"
    from platformdirs import user_config_path

    return user_config_path("ai-capacity-planner") / "tui.toml"


def read_config(
    path: Path, themes: Collection[str], all_keys: Callable[[], Mapping[str, str]]
) -> Config:
    """``themes`` are those there are; ``all_keys``, the id of every key with its default, is asked
    for only where keys are moved."""
    config = Config()

    def wrong(where: str, problem: str, remedy: str) -> None:
        config.mistakes.append(f"{path}: {where}{problem}; {remedy}")

    try:
        with path.open("rb") as stream:
            text = stream.read(MOST_BYTES).decode()
        data = tomllib.loads(text)
    except FileNotFoundError:
        return config
    except OSError as error:
        wrong("", f"cannot be read ({error.strerror})", "defaults are used")
        return config
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        wrong("", f"is no TOML ({error})", "defaults are used")
        return config
    for name in data:
        if name not in FIELDS:
            wrong(f"{name}: ", "is no setting", _instead(name, FIELDS))
    theme = data.get("theme")
    if theme is not None and theme not in themes:
        wrong("theme: ", f"{theme!r} is no theme", _instead(str(theme), sorted(themes)))
    elif theme is not None:
        config.theme = theme
    plain = data.get("ascii")
    if isinstance(plain, bool):
        config.ascii = plain
    elif plain is not None:
        wrong("ascii: ", f"{plain!r} is neither true nor false", "write ascii = true")
    moved = data.get("keys", {})
    if not isinstance(moved, dict):
        wrong("keys: ", "is no table", 'write [keys] and below it "explore.mark" = "m"')
        moved = {}
    keys = all_keys() if moved else {}
    for id_, value in _flat(moved).items():
        if id_ not in keys:
            wrong(f"keys.{id_}: ", "is no key", _instead(id_, sorted(keys)))
        elif not isinstance(value, str) or not value.strip() or not value.isprintable():
            wrong(f"keys.{id_}: ", f"{value!r} names no key", "write one such as m or ctrl+t")
        else:
            config.keys[id_] = value
    for id_ in config.keys:
        shared: dict[str, list[str]] = {}
        for other, key in _sharing(id_, config.keys, keys):
            shared.setdefault(key, []).append(other)
        for key, others in shared.items():
            named = " and ".join(others)
            wrong(f"keys.{id_}: ", f"{key} is the key of {named} as well", "move one of them")
    return config


def _sharing(
    id_: str, moved: Mapping[str, str], keys: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Other ids that work on the same screen and have a key in common, and that key."""
    scope = id_.partition(".")[0]
    own = _each(moved[id_])
    for other, default in keys.items():
        elsewhere = "app" not in (scope, other.partition(".")[0])
        if other == id_ or (elsewhere and not other.startswith(f"{scope}.")):
            continue
        for key in sorted(own & _each(moved.get(other, default))):
            yield other, key


def _each(keys: str) -> frozenset[str]:
    return frozenset(key.strip() for key in keys.split(","))


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """``explore.mark`` written without quotes is a table in a table."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": each for inner, each in value.items()})
        else:
            flat[name] = value
    return flat


def _instead(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(list(known)[:8])} ..."


def template(keys: Mapping[str, tuple[str, str]]) -> str:
    """A file with every key at its default; ``keys`` are id, keys and what they do."""
    lines = [f"# {config_path()}", '# theme = "high-contrast"', "# ascii = true", "", "[keys]"]
    lines += [f'"{id_}" = "{key}"  # {does}' for id_, (key, does) in keys.items()]
    return "\n".join(lines) + "\n"
