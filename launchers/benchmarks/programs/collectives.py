"""All-reduces between devices by message size, over NCCL or gloo: bus bandwidth in GB/s.

Bus bandwidth as NCCL's tests define it: 2 (n - 1) / n times the message over its time.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial

from launchers.benchmarks.programs.common import (
    checked,
    fail,
    finish,
    import_torch,
    open_device,
    parser,
    say,
    spread,
    timed,
)
from launchers.benchmarks.programs.meters import Meter
from launchers.benchmarks.programs.ranks import join, leave, spawn, world


def main(argv: list[str] | None = None) -> None:
    wanted = parser(__doc__ or "")
    wanted.add_argument("--ranks", type=int, default=0, help="processes; 0: one a GPU, 2 on a CPU")
    wanted.add_argument("--largest-mib", type=int, default=64, help="largest message")
    wanted.set_defaults(ranks=1)
    args = wanted.parse_args(argv)
    args = checked(args)
    torch = import_torch(args)
    device = open_device(torch, args.device, args.threads, args.seed)
    if args.ranks == 1 and "RANK" not in os.environ:
        args.ranks = torch.cuda.device_count() if device.name == "cuda" else 2
        sys.argv += ["--ranks", str(args.ranks)]
        if args.ranks < 2:
            fail("one GPU has nobody to talk to; use a machine with two, or --device cpu")
    if (code := spawn(args.ranks)) is not None:
        sys.exit(code)
    rank, ranks = world()
    join(torch, device)
    meter = Meter(device.kind)
    meter.start()
    import torch.distributed as group

    sizes = [2**power for power in range(12, 40, 2) if 2**power < args.largest_mib * 2**20]
    by_size: dict[str, dict[str, float]] = {}
    best: tuple[float, list[float], list[float]] = (0.0, [], [])
    # As many steps on every rank: a limit in time would leave one waiting for the others.
    each = argparse.Namespace(**{**vars(args), "max_seconds": float("inf")})
    for size in (*sizes, args.largest_mib * 2**20):
        message = torch.ones(size // 4).to(device.name)
        if rank == 0:
            say(f"{size} bytes")
        seconds = timed(device, partial(group.all_reduce, message), each)
        rates = [2 * (ranks - 1) / ranks * size / second / 1e9 for second in seconds]
        by_size[str(size)] = {**spread(rates), "median_s": spread(seconds)["median"]}
        if by_size[str(size)]["median"] > best[0]:
            best = (by_size[str(size)]["median"], rates, seconds)
    backend = group.get_backend()
    leave()
    if rank:
        return
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="collectives",
        model=f"all-reduce-{backend}",
        task="ceiling",
        metric="gb_per_s",
        rates=best[1],
        step_seconds=best[2],
        data={"kind": "ones"},
        ranks=ranks,
        by_size=by_size,
    )


if __name__ == "__main__":
    main()
