"""The frame of the project: what is packaged, pinned, documented and run by the gate."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from planner.cli.main import run

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()


def tracked() -> list[str]:
    found = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.skip("not a git checkout")
    return [name for name in found.stdout.split("\0") if name]


def command(marker: str) -> str:
    """The one line below a marker comment of the README."""
    block = re.search(rf"<!-- {marker} -->\n```sh\n(.+)\n```\n", README)
    assert block, f"README has no one-line {marker}"
    return block[1]


def test_every_package_is_packaged() -> None:
    packages = {Path(name).parts[0] for name in tracked() if name.endswith("__init__.py")}
    listed = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(listed) == packages - {"tests"}
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == set(listed)
    assert set(PROJECT["tool"]["mypy"]["packages"]) == set(listed)


def test_pins_hold_every_requirement() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and line[0] != "#")
    pinned = {re.sub(r"[-_.]+", "-", name).lower(): Version(pin) for name, pin in pins.items()}
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(r for group in extras.values() for r in group)]
    for requirement in map(Requirement, wanted):
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name == PROJECT["project"]["name"]:
            continue
        assert name in pinned, f"{name} is not in constraints.txt"
        assert requirement.specifier.contains(pinned[name]), requirement


def test_limits_that_matter() -> None:
    """PuLP 4 lacks names that SkyPilot uses; highspy 1.16 prints a banner on stdout."""
    by_name = {r.name: r.specifier for r in map(Requirement, PROJECT["project"]["dependencies"])}
    assert not by_name["pulp"].contains("4.0.0")
    assert not by_name["highspy"].contains("1.16.0")
    base = {name.lower() for name in by_name}
    assert base.isdisjoint({"torch", "boto3", "skypilot", "google-cloud-compute", "click"})


def test_gate_runs_the_commands_of_the_readme() -> None:
    gate = (ROOT / ".ci" / "run").read_text()
    for marker in ("first-command", "test-command"):
        assert f"from_readme {marker}" in gate
        # the very function the gate uses finds the very line
        function = re.search(r"^from_readme\(\).*$", gate, re.MULTILINE)
        assert function
        script = f"{function[0]}\nfrom_readme {marker}"
        found = subprocess.run(
            ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert found.stdout.rstrip("\n") == command(marker)
    assert command("first-command").endswith("recommend examples/finetune-llama-8b-lora.yaml")
    tests = command("test-command").split(" && ")[1:]
    assert ["pytest" in each for each in tests] == [True, True]
    # What one leaves out the other runs.
    assert tests[0].endswith("-m 'not benchmark'")
    assert tests[1].endswith("-m benchmark")


def test_readme_names_only_commands_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    texts = re.findall(r"`planner ([^`]+)`", README)
    assert texts
    seen = set()
    for text in texts:
        words = shlex.split(text)
        group = words[:2] if words[0] in ("calibrate", "catalog", "hardware") else words[:1]
        seen.add(words[0])
        assert run([*group, "--help"]) == 0, text
        help_text = capsys.readouterr().out
        for flag in (word for word in words if word.startswith("--")):
            assert flag in help_text, f"{flag} of `planner {text}`"
    assert {"recommend", "estimate", "calibrate", "catalog", "tui", "doctor"} <= seen


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_changelog_tells_of_this_version() -> None:
    assert f"## {PROJECT['project']['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        installed = version("ai-capacity-planner")
    except PackageNotFoundError:
        pytest.skip("runs from a checkout that is not installed")
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == installed == PROJECT["project"]["version"]
