"""All-reduces between devices by message size, over NCCL or gloo: bus bandwidth in GB/s.

Bus bandwidth as NCCL's tests define it: 2 (n - 1) / n times the message over its time.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from functools import partial

from launchers.benchmarks.programs.common import (
    Case,
    best_of,
    checked,
    fail,
    finish,
    import_torch,
    open_device,
    parser,
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
    sizes.append(args.largest_mib * 2**20)
    # As many steps on every rank: a limit in time would leave one waiting for the others.
    unlimited = argparse.Namespace(**{**vars(args), "max_seconds": float("inf")})

    def cases() -> Iterator[Case]:
        for size in sizes:
            message = torch.ones(size // 4).to(device.name)
            bus_gb = 2 * (ranks - 1) / ranks * size / 1e9
            yield str(size), bus_gb, partial(group.all_reduce, message)

    by_size, rates, seconds = best_of(device, cases(), len(sizes), unlimited)
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
        rates=rates,
        step_seconds=seconds,
        data={"kind": "ones"},
        ranks=ranks,
        by_size=by_size,
    )


if __name__ == "__main__":
    main()
