"""The use case behind ``planner trace``: from the user's code to a profile, kept in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planner.actions.write_file import REMEDY, write_text
from planner.errors import BadInput
from planner.field_errors import shown, suggest
from planner.trace.inputs import MOST_BATCH, parse_inputs
from planner.trace.profile import Profile, to_json, to_yaml
from planner.trace.recognise import KINDS


def trace_model(
    target: str,
    inputs: Sequence[str],
    *,
    dtypes: Sequence[str] = (),
    batch: int = 1,
    kind: str | None = None,
) -> Profile:
    """Trace ``package.module:factory``; see ``planner.trace``. Raises BadInput."""
    from planner.trace.run import trace

    if not 1 <= batch <= MOST_BATCH:
        raise BadInput(
            f"{batch} is no batch", where="--batch", remedy=f"use 1 to {MOST_BATCH:,} samples"
        )
    if kind is not None and kind not in KINDS:
        raise BadInput(
            f"{shown(kind)} is no kind of model", where="--kind", remedy=suggest(kind, KINDS)
        )
    return trace(target, parse_inputs(inputs, dtypes), batch=batch, kind=kind)


def check_out(path: str, *, force: bool) -> None:
    """Refuse a file that is there before the work is done, not after. Raises BadInput."""
    if Path(path).exists() and not force:
        raise BadInput("exists already", where=path, remedy=REMEDY)


def save_profile(profile: Profile, path: str, *, force: bool) -> None:
    """Write the profile, as JSON where the name ends so, else as YAML. Raises BadInput."""
    text = to_json(profile) + "\n" if path.endswith(".json") else to_yaml(profile)
    write_text(Path(path), text, force=force)
