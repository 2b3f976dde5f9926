"""Questions as Python says them, turned into what the use cases take."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from planner.errors import BadInput

if TYPE_CHECKING:
    from planner.actions.session import Session

Question = str | os.PathLike[str] | Mapping[str, Any]


def session_or_new(session: Session | None) -> Session:
    if session is not None:
        return session
    from planner.actions.session import open_session

    return open_session()


def workload_from_question(question: Question, fields: Mapping[str, Any]) -> tuple[Any, str]:
    from planner.actions.session import workload_from

    file, text = read(question, "workload")
    return workload_from(file, text, *laid_over(fields))


def read(question: Question, word: str) -> tuple[str, str | None]:
    """The file, and its text where it is none; ``word`` is what errors call a mapping.

    Raises BadInput for what is neither, and for a mapping that JSON cannot hold.
    """
    if isinstance(question, Mapping):
        try:
            return word, json.dumps(dict(question))
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"cannot be read ({error})",
                where=word,
                remedy="use texts, numbers, lists and mappings, as a YAML file would hold",
            ) from None
    if isinstance(question, (str, os.PathLike)):
        return os.fspath(question), None
    raise BadInput(
        f"is a {type(question).__name__}", where=word, remedy="give a file's path or a mapping"
    )


def laid_over(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of the workload, and those of its ``where``."""
    flags = dict(fields)
    place = flags.pop("where", None)
    if place is not None and not isinstance(place, Mapping):
        raise BadInput(
            f"is a {type(place).__name__}", where="where", remedy='say {"clouds": ["aws"]}'
        )
    return flags, dict(place or {})
