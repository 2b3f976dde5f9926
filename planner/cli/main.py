"""The ``planner`` command: mounts the groups and turns every error into a line and a code.

Results go to stdout, everything else to stderr. Exit codes are those of ``planner.errors``.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

# Looking for pydantic plugins reads the metadata of every installed package at start-up.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import typer
from typer.core import TyperGroup

# Commands by name, and groups of commands, with what `planner --help` says of each: both live in
# the module of their name in this package.
COMMANDS = {
    "recommend": "The cheapest configuration that meets a workload's limits",
    "pareto": "Cost against time: what nothing beats in both",
    "compare": "Two sides of a workload, and where the cheaper one flips",
    "mix": "Requests of many sizes: which machines, and what goes where",
    "capacity": "A year of demand: commit, buy, on demand, spot, on-prem",
    "sweep": "One workload under many deadlines, models and limits",
    "estimate": "How fast a workload runs on named hardware or here",
    "trace": "What your own torch model computes",
    "init": "Asks what the work is and writes a workload file",
    "tui": "All of it on a full screen, planned anew while you type",
    "report": "A plan as one page for the one who pays; classic benchmarks",
    "export": "A plan for SkyPilot, Kubernetes, torchrun, vLLM and others",
    "launch": "Rents a plan's machines and runs your command, with a cap",
    "gate": "Checks in CI that a plan keeps within its cost",
    "diff": "What changed between two answers",
    "replay": "A saved answer with today's prices",
    "accuracy": "How far estimates are off, by class",
    "fit": "Fits the performance model anew",
    "schema": "The JSON schema of a file or an answer",
    "doctor": "What works here, what is missing, how to get it",
}
GROUPS = {
    "calibrate": "Measure hardware; measurements move the estimates",
    "catalog": "Offers and prices: find, refresh, history, own prices",
    "hardware": "Accelerators: peaks, rooflines, which to prefer when",
}
# In which order, and under which heading, `planner --help` has them.
SECTIONS = {
    "Plan": ("init", "recommend", "pareto", "compare", "mix", "capacity", "sweep", "tui"),
    "Use a plan": ("report", "export", "launch", "gate", "diff", "replay"),
    "Speed": ("estimate", "trace", "calibrate", "accuracy", "fit"),
    "Facts": ("catalog", "hardware"),
    "Help": ("doctor", "schema"),
}
# A full disk, a full quota, a limit of the shell's: where results are sent, mostly.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Commands that read, compute and print, hold nothing open and start no other process.
ANSWERS = ("recommend", "pareto", "schema")


class Sections(TyperGroup):
    """The command line with its commands under headings."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One line a command, cut at the width of the terminal."""
        longest = max(len(name) for names in SECTIONS.values() for name in names)
        for heading, names in SECTIONS.items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            rows = [
                (name.ljust(longest), command.get_short_help_str(formatter.width - longest - 6))
                for name, command in found
                if command is not None
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command line. Where ``arguments`` start with a known command, only that one is imported
    and mounted, with the options they mention: a command should not wait for the others.
    """
    from importlib import import_module

    app = typer.Typer(
        name="planner",
        cls=Sections,
        help="Which hardware runs an AI workload cheapest, how fast, at what risk, and why.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        epilog="planner COMMAND --help says more; docs/tutorial.md takes five minutes.",
    )
    app.callback()(_root)
    asked = arguments[0] if arguments else None
    known = asked in COMMANDS or asked in GROUPS
    for name in (*COMMANDS, *GROUPS):
        if known and name != asked:
            continue
        module = import_module(f"planner.cli.{name}")
        if name in GROUPS:
            app.add_typer(module.app, name=name, short_help=GROUPS[name])
        else:
            module.register(app)
            app.registered_commands[-1].short_help = COMMANDS[name]
    if known:
        from planner.cli.workload_options import narrowed

        for command in app.registered_commands:
            if command.callback is not None:
                command.callback = narrowed(command.callback, arguments[1:])
    return app


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("ai-capacity-planner"))
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Entry point of the console script."""
    # A command lives for a second: collecting its import-time objects costs more than it frees.
    gc.disable()
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ANSWERS:
        # Threads for matrix products larger than any here: starting them costs more than they save.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = run(arguments)
    # The interpreter would look through every object once more on its way out: a tenth of the run.
    gc.freeze()
    if arguments and arguments[0] in ANSWERS:
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> None:
    """End at once, everything said: these commands leave nothing behind that wants tidying up."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # the reader went away
        code = 1
    os._exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code; errors are one line on stderr."""
    from catalog import CatalogError, UnknownName
    from planner.errors import Infeasible, PlannerError

    # Options before the command (--version) leave it to be found by the whole command line.
    app = build(arguments)
    try:
        result = app(args=arguments, prog_name="planner", standalone_mode=False)
        code = int(result or 0)
        if code == 130:  # typer's silent way of ending on Ctrl-C
            _say("interrupted")
        return code
    except typer.TyperException as error:
        return _usage_error(error)
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted")
        return 130
    except Infeasible as error:
        _say(f"infeasible: {error}")
        for reason in error.reasons:
            _say(f"  - {reason}")
        return error.exit_code
    except PlannerError as error:
        _say(f"error: {error}")
        return error.exit_code
    except (CatalogError, UnknownName) as error:
        _say(f"error: {error}")
        return 2
    except BrokenPipeError:
        # The reader went away (`planner ... | head`): nothing more to say, and no traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # the last line of defence: the user is owed a line, not a trace
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            _say(f"error: {error.filename or 'output'}: {error.strerror}; free space there")
            return 1
        if os.environ.get("PLANNER_DEBUG"):
            raise
        _say(f"error: unexpected {type(error).__name__}: {error}; PLANNER_DEBUG=1 shows where")
        return 1


def _usage_error(error: typer.TyperException) -> int:
    """Flags that cannot be used: the same one line as for any other bad input."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "planner"
    text = error.format_message().strip()
    if text.startswith("Usage:"):  # a group without a command shows its help
        typer.echo(text, err=True)
        return 2
    _say(f"error: {command}: {text.rstrip('.')}; see `{command} --help`")
    return 2


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # stderr goes to a full disk: the exit code still tells
        sys.stderr.write(" ".join(line.splitlines()) + "\n")
