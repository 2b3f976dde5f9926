"""A Slurm cluster of one node on this machine, for SkyPilot to launch on.

It lives in namespaces of its own: processes, mounts, host name, and a network that has a loopback
device only. Files it writes are on a tmpfs there. So nothing of the machine's own sshd, Slurm,
users or ports is touched, nothing can be downloaded, and when its first process dies, killed or
not, every daemon and every file is gone with it.

``python -m tests.launchers.slurm_lab`` brings one up for people to try things in.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[3]
CLUSTER = "lab"
# Within the lab: where it keeps what it makes, and the home of who runs the planner.
FOLDER = Path("/tmp/lab")
HOME = FOLDER / "home"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "sshd", "ssh", "ssh-keygen", "rsync", "ip")
PACKAGES = "slurmctld slurmd slurm-client munge openssh-server openssh-client rsync iproute2"
NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START_TIMEOUT_S = 60.0


def why_not() -> str:
    """Why this machine can have no lab; empty when it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "needs root on Linux, to make namespaces and run Slurm's daemons"
    missing = [name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None]
    if missing:
        return f"needs {', '.join(missing)}: apt-get install --no-install-recommends {PACKAGES}"
    absent = [name for name in ("sky", "hostlist") if importlib.util.find_spec(name) is None]
    if absent:
        return f"needs the Python modules {', '.join(absent)}: pip install 'skypilot[slurm]'"
    tried = subprocess.run(
        ["unshare", *NAMESPACES, "--mount-proc", "mount", "-t", "tmpfs", "tmpfs", "/tmp"],
        capture_output=True,
        text=True,
    )
    return f"namespaces are not allowed here: {tried.stderr.strip()}" if tried.returncode else ""


class SlurmLab:
    """A context manager. Raises RuntimeError with the daemons' words when it cannot start."""

    def __enter__(self) -> SlurmLab:
        # setpriv: a pytest that is killed takes the lab along.
        self._first = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES, "--mount-proc"),
                *(sys.executable, "-m", "tests.launchers.slurm_lab.inside"),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = []
        assert self._first.stdout is not None
        for line in self._first.stdout:
            if line.strip() == "ready":
                return self
            said.append(line)
        self.close()
        raise RuntimeError(f"the lab did not start:\n{''.join(said)}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the first process, and the kernel ends all others; returns once they are gone."""
        with suppress(LookupError, OSError):  # it may not have come up, or be gone
            os.kill(self.pid, signal.SIGKILL)
        self._first.wait()
        if self._first.stdout is not None:
            self._first.stdout.close()

    @property
    def pid(self) -> int:
        """The lab's first process, as numbered outside."""
        return _only_child(self._first.pid)

    def path(self, inside: Path) -> Path:
        """A file of the lab, as seen from outside."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def command(self, *words: str, environment: Mapping[str, str] | None = None) -> list[str]:
        """What runs ``words`` in the lab, as its user."""
        named = {
            "HOME": str(HOME),
            "PATH": f"{Path(sys.executable).parent}:{SYSTEM_PATH}",
            "LANG": "C.UTF-8",
            "SKYPILOT_DISABLE_USAGE_COLLECTION": "1",
            # A server for one user who does one thing at a time.
            "SKYPILOT_POD_CPU_CORE_LIMIT": "1",
            "SKYPILOT_POD_MEMORY_GB_LIMIT": "3",
            # SkyPilot packs itself with pip for the node; the tools are here already.
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_NO_INDEX": "1",
            "PLANNER_DATA_DIR": str(HOME / "data"),
            "PLANNER_CACHE_DIR": str(HOME / "cache"),
            **(environment or {}),
        }
        # --wd comes after the mounts are entered, --env-clear is of newer versions only.
        return [
            *("nsenter", "--target", str(self.pid), "--all", f"--wd={ROOT}", "env", "-i"),
            *(f"{name}={value}" for name, value in named.items()),
            *words,
        ]

    def start(self, *words: str, **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *words: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def signal(self, started: subprocess.Popen[str], number: signal.Signals) -> None:
        """Send a signal to the program itself, not to what brought it into the lab."""
        os.kill(_only_child(started.pid), number)


def _only_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
