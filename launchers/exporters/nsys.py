"""Nsight Systems around a program on this machine."""

from __future__ import annotations

import shutil

from catalog.observations import data_dir
from launchers.errors import LaunchRefused

DOWNLOAD = "https://developer.nvidia.com/nsight-systems"


def profile_prefix(run_id: str) -> tuple[str, ...]:
    """Words to put before the command; the report goes to ``profiles/RUN_ID.nsys-rep`` in the
    data folder. Raises LaunchRefused when Nsight Systems is not installed.

    Options: https://docs.nvidia.com/nsight-systems/UserGuide/ (CLI, profile switch).
    """
    nsys = shutil.which("nsys")
    if nsys is None:
        raise LaunchRefused(
            "Nsight Systems (nsys) is not installed",
            where="--profile",
            remedy=f"install it from {DOWNLOAD}, or drop --profile",
        )
    folder = data_dir() / "profiles"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    report = folder / f"{run_id}.nsys-rep"
    return (
        *(nsys, "profile", f"--output={report}", "--force-overwrite=true"),
        *("--trace=cuda,nvtx,osrt", "--sample=none"),
    )
