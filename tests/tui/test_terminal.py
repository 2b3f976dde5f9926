"""The command in a real terminal: tmux."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = (
    f"{sys.executable} -c 'from planner.cli.main import main; main()' tui; "
    "echo exit code $?; sleep 60"
)


class Terminal:
    def __init__(self, socket: Path) -> None:
        self._tmux = ["tmux", "-u", "-S", str(socket), "-f", "/dev/null"]

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def wait(self, condition: Callable[[str], bool], seconds: float = 20) -> str:
        screen = ""
        for _ in range(int(seconds / 0.05)):
            screen = self.tmux("capture-pane", "-p")
            if condition(screen):
                return screen
            time.sleep(0.05)
        raise AssertionError(screen)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    terminal = Terminal(tmp_path / "tmux")
    terminal.tmux("new-session", "-d", "-x", "80", "-y", "24", "-c", str(ROOT), COMMAND)
    yield terminal
    terminal.tmux("kill-server")


def test_in_a_terminal_of_80_by_24(terminal: Terminal) -> None:
    screen = terminal.wait(lambda s: "all limits" in s and "┗" in s and "=>" in s)
    lines = screen.splitlines()
    assert "Explore" in lines[0] and "Deadline 24h" in lines[1]
    assert "q Quit" in lines[23]
    assert any("×" in line for line in lines[4:14])
    assert any(line.startswith("=>") for line in lines[14:])
    terminal.keys("d", "5")
    terminal.wait(lambda s: "NO PLAN" in s and "no unit of time" in s and "OLD below" in s)
    terminal.keys("0", "m", "Enter")
    terminal.wait(lambda s: "NO PLAN" not in s and "Deadline 50m" in s)
    terminal.keys("?")
    terminal.wait(lambda s: "copy the command" in s)
    terminal.keys("Escape")
    terminal.wait(lambda s: "copy the command" not in s)
    terminal.keys("q")
    terminal.wait(lambda s: "exit code 0" in s)


# What each screen shows once it has its first answer.
SCREENS = {
    "2": ("2 Capacity", "Demand ×", "optimal"),
    "3": ("3 Compare", "A gpu", "cheaper"),
    "4": ("4 Calibrate", "Next runs", "chosen today"),
    "5": ("5 Catalog", "Offers", "offers shown"),
    "1": ("1 Explore", "Deadline", "all limits"),
}


def test_every_screen_in_a_terminal(terminal: Terminal) -> None:
    terminal.wait(lambda s: "all limits" in s)
    for key, words in SCREENS.items():
        terminal.keys(key)
        screen = terminal.wait(lambda s, w=words: all(each in s for each in w), 40)
        lines = screen.splitlines()
        assert len(lines) == 24 and "palette" in lines[-1]
        assert max(map(len, lines)) <= 80
    # A step at a time: escape and a sign that come together are one key to a terminal.
    terminal.keys("5")
    terminal.wait(lambda s: "offers shown" in s)
    terminal.keys("?")
    terminal.wait(lambda s: "every word must be" in s)
    terminal.keys("Escape")
    terminal.wait(lambda s: "every word must be" not in s)
    terminal.keys("/", "h", "2", "0", "0")  # at once: none is lost, none acts as a key
    terminal.wait(lambda s: "Find h200" in s and "Leave the field" in s)
    terminal.keys("Enter", "q")
    terminal.wait(lambda s: "exit code 0" in s)
