"""Benchmark programs run by a Python that has imported torch: that takes seconds, a fork does not.

As on a rented machine they run isolated (``-I``), without this project on the path.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from pathlib import Path

# Each line on stdin names a program with its arguments and two files for what it says; the answer
# is its exit code. A training step imports torch._dynamo, which takes as long as torch itself.
SERVER = """
import json, os, runpy, sys
import torch, torch._dynamo
for line in sys.stdin:
    words, *files = json.loads(line)
    pid = os.fork()
    if not pid:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
else:
    sys.exit()
for number, path in enumerate([os.devnull, *files]):
    os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
sys.argv = words
runpy.run_path(words[0], run_name="__main__")
"""


class WarmPython:
    """Runs one program after the other, each in a process of its own. ``close`` ends it."""

    def __init__(self, folder: Path) -> None:
        self._files = [str(folder / "stdout"), str(folder / "stderr")]
        self._server = subprocess.Popen(
            [sys.executable, "-I", "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, timeout_s: float = 280.0) -> subprocess.CompletedProcess[str]:
        """The program at ``words[0]`` with its arguments. Raises TimeoutExpired."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps([words, *self._files]) + "\n")
        self._server.stdin.flush()
        if not select.select([self._server.stdout], [], [], timeout_s)[0]:
            raise subprocess.TimeoutExpired(words, timeout_s)
        code = int(self._server.stdout.readline())
        out, err = (Path(path).read_text() for path in self._files)
        return subprocess.CompletedProcess(words, code, out, err)

    def close(self) -> None:
        self._server.kill()
        self._server.communicate()
