"""API keys as the clouds' own tools keep them: an environment variable or a file at home."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.sources.base import Missing


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, or why there is none. Its repr does not show it."""

    value: str
    missing: Missing | None = None

    def __repr__(self) -> str:
        return f"ApiKey({'set' if self.value else 'not set'})"

    @property
    def headers(self) -> dict[str, str]:
        """The Bearer header; none without a key."""
        return {"authorization": f"Bearer {self.value}"} if self.value else {}


Reader = Callable[[str], str]


def read_key(variable: str, files: Mapping[str, Reader], remedy: str) -> ApiKey:
    """The key in ``variable``, else in the first of ``files`` that exists.

    ``files`` maps a path below home to what finds the key in its text (ValueError, KeyError: it
    does not).
    """
    value, where = os.environ.get(variable, "").strip(), variable
    if not value:
        for name, find in files.items():
            path = Path.home() / name
            if path.is_file():
                where = f"~/{name}"
                try:
                    value = find(path.read_text(encoding="utf-8")).strip()
                except (OSError, ValueError, KeyError, TypeError, AttributeError):
                    return ApiKey("", Missing(f"{where} holds no API key", remedy))
                break
        else:
            names = " or ".join([variable, *(f"~/{name}" for name in files)])
            return ApiKey("", Missing(f"no API key in {names}", remedy))
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        return ApiKey("", Missing(f"{where} holds no usable API key", remedy))
    return ApiKey(value)


def whole_text(text: str) -> str:
    return text


def assigned(name: str) -> Reader:
    """Reads ``name = value`` lines (``~/.lambda_cloud/lambda_keys``)."""

    def find(text: str) -> str:
        for line in text.splitlines():
            key, separator, value = line.partition("=")
            if separator and key.strip() == name:
                return value.strip().strip("\"'")
        raise KeyError(name)

    return find


def toml_entry(section: str, name: str) -> Reader:
    """Reads an entry of a TOML file (``~/.runpod/config.toml``)."""

    def find(text: str) -> str:
        return str(tomllib.loads(text)[section][name])

    return find
