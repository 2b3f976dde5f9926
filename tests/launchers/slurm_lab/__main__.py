"""Bring a lab up, say how to enter it, and keep it until Ctrl-C."""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import suppress

from tests.launchers.slurm_lab import SlurmLab, why_not

if reason := why_not():
    sys.exit(f"no lab here: {reason}")
with SlurmLab() as lab:
    enter = shlex.join(lab.command("bash", "--norc"))
    print(f"Enter it with:\n  {enter}\nCtrl-C ends it.", flush=True)
    with suppress(KeyboardInterrupt):
        signal.pause()
