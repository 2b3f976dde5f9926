"""Bring a lab up, say how to enter it, and keep it until Ctrl-C."""

from __future__ import annotations

import shlex
import signal
import sys

from tests.launchers.slurm_lab import SlurmLab, why_not

if reason := why_not():
    sys.exit(f"no lab here: {reason}")
with SlurmLab() as lab:
    print(f"Enter it with:\n  {shlex.join(lab.command('bash', '--norc'))}\nCtrl-C ends it.", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        pass
