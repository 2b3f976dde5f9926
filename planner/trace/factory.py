"""From ``package.module:factory`` to a model: the only code of the user's that runs before
``forward``. Whatever goes wrong in it ends in one line that names the step and the remedy.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from planner.errors import BadInput
from planner.field_errors import a, shown, suggest

FORM = "write package.module:factory, or path/to/file.py:factory"


def split(target: str) -> tuple[str, str]:
    """Module (or file) and attribute of ``target``. Raises BadInput."""
    module, colon, name = target.rpartition(":")
    parts = name.split(".")
    if not colon or not module or not all(part.isidentifier() for part in parts):
        raise BadInput(f"{shown(target)} names no factory", where="trace", remedy=FORM)
    is_file = module.endswith(".py")
    if not is_file and not all(part.isidentifier() for part in module.split(".")):
        raise BadInput(f"{shown(module)} is no module's name", where="trace", remedy=FORM)
    return module, name


def find(target: str) -> Any:
    """The attribute that ``target`` names. The current folder is searched first, as by
    ``python -m``. Raises BadInput.
    """
    module_name, name = split(target)
    where = f"trace {target}: import"
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        if module_name.endswith(".py"):
            module = _from_file(module_name, where)
        else:
            module = importlib.import_module(module_name)
    except BadInput:
        raise
    except ModuleNotFoundError as error:
        raise _absent(module_name, error, where) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        raise BadInput(reason(error), where=where, remedy="correct the module") from None
    finally:
        sys.path[:] = before
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            public = sorted(each for each in vars(module) if not each.startswith("_"))
            raise BadInput(
                f"{module_name} has no {shown(name)}",
                where=f"trace {target}: attribute",
                remedy=suggest(part, public, otherwise="name a function that returns the model"),
            ) from None
    return found


def build(target: str, found: Any, module_type: type) -> Any:
    """The model: what ``found`` returns, or ``found`` itself when it is one. Raises BadInput."""
    if isinstance(found, module_type):
        return found
    where = f"trace {target}: call"
    if not callable(found):
        raise BadInput(
            f"is {_type(found)}, not a function",
            where=where,
            remedy="name a function that returns the model",
        )
    try:
        model = found()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
        remedy = "correct the factory"
        if isinstance(error, TypeError) and "required" in str(error):
            remedy = "name a function without required arguments that returns the model"
        raise BadInput(reason(error), where=where, remedy=remedy) from None
    if not isinstance(model, module_type):
        raise BadInput(
            f"returned {_type(model)}, not a torch.nn.Module",
            where=where,
            remedy="let the factory return the model",
        )
    return model


def reason(error: BaseException) -> str:
    """An exception in a line: its type, its first line, and where it was raised."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    text = text if len(text) <= 200 else text[:200] + "..."
    told = f"{type(error).__name__}: {text}".rstrip(": ")
    # Walked, not extracted: libraries may have set sys.tracebacklimit for the whole process.
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = frame.f_code.co_filename
        if not _is_library(file):
            return f"{told} ({Path(file).name} line {line})"
    return told


def _is_library(file: str) -> bool:
    """Whether a frame is none of the user's own code."""
    ours = str(Path(__file__).resolve().parents[1])
    return file.startswith((ours, "<", sys.base_prefix)) or "site-packages" in file


def _type(value: object) -> str:
    return "nothing" if value is None else a(type(value).__name__)


def _absent(name: str, error: ModuleNotFoundError, where: str) -> BadInput:
    """The module itself is not there, or one that it imports."""
    if error.name is None:
        return BadInput(reason(error), where=where, remedy="correct the module")
    if name == error.name or name.startswith(f"{error.name}."):
        return BadInput(
            f"there is no module {error.name}",
            where=where,
            remedy="run it in the folder that holds the module, or install it",
        )
    return BadInput(
        f"{name} needs the module {error.name}, which is not installed",
        where=where,
        remedy=f"install {error.name} beside the planner",
    )


def _from_file(name: str, where: str) -> ModuleType:
    path = Path(name)
    if not path.is_file():
        raise BadInput(f"there is no file {name}", where=where, remedy="check the path")
    sys.path.insert(0, str(path.resolve().parent))
    # a name of its own: the file may be called like a module of the standard library
    spec = importlib.util.spec_from_file_location(f"planner_traced_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
