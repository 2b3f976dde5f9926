"""Several processes of one program, as torchrun would start them, where it is not used.

Under torchrun, SLURM's srun or Ray Train the environment says rank and world already.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

from launchers.benchmarks.programs.common import Device, fail


def world() -> tuple[int, int]:
    """Rank and number of ranks of this process; (0, 1) alone."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def spawn(ranks: int) -> int | None:
    """Start ``ranks`` processes of this program and wait; None in one that should do the work.

    Returns the exit code for the parent. The others are ended when one fails.
    """
    if ranks <= 1 or "RANK" in os.environ:
        return None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = []
    for rank in range(ranks):
        environment = {
            **os.environ,
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(ranks),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        }
        processes.append(subprocess.Popen([sys.executable, "-u", *sys.argv], env=environment))
    try:
        codes = [process.wait() for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
    return next((code for code in codes if code), 0)


def join(torch: Any, device: Device) -> None:
    """Enter the process group: NCCL on GPUs, gloo on CPUs, and each rank its own device."""
    import torch.distributed as group

    backend = {"cuda": "nccl", "hpu": "hccl"}.get(str(device.name), "gloo")
    if device.name == "cuda":
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            fail(f"rank {local} has no GPU: there are {torch.cuda.device_count()}")
        torch.cuda.set_device(local)
    if not group.is_initialized():  # Ray Train has done that
        group.init_process_group(backend)


def leave() -> None:
    import torch.distributed as group

    if group.is_initialized():
        group.destroy_process_group()
