"""Copies and adds large arrays: the memory ceiling of a device, in GB/s moved."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from launchers.benchmarks.programs.common import (
    checked,
    finish,
    import_torch,
    open_device,
    parser,
    say,
    spread,
    timed,
)
from launchers.benchmarks.programs.meters import Meter


def main(argv: list[str] | None = None) -> None:
    wanted = parser(__doc__ or "")
    wanted.add_argument("--mebibytes", type=int, default=512, help="of each array")
    args = checked(wanted.parse_args(argv))
    torch = import_torch(args)
    device = open_device(torch, args.device, args.threads, args.seed)
    meter = Meter(device.kind)
    meter.start()
    count = args.mebibytes * 2**20 // 4
    a, b, c = (torch.ones(count).to(device.name) for _ in range(3))
    # Arrays read and written by each pass.
    passes: dict[str, tuple[int, Callable[[], object]]] = {
        "copy": (2, lambda: b.copy_(a)),
        "scale": (2, lambda: torch.mul(a, 3.0, out=b)),
        "add": (3, lambda: torch.add(a, b, out=c)),
        "triad": (3, lambda: torch.add(a, b, alpha=3.0, out=c)),
    }
    by_pass: dict[str, dict[str, float]] = {}
    best: tuple[float, list[float], list[float]] = (0.0, [], [])
    each = argparse.Namespace(**{**vars(args), "max_seconds": args.max_seconds / len(passes)})
    for name, (arrays, run) in passes.items():
        say(name)
        seconds = timed(device, run, each)
        rates = [arrays * 4 * count / second / 1e9 for second in seconds]
        by_pass[name] = spread(rates)
        if by_pass[name]["median"] > best[0]:
            best = (by_pass[name]["median"], rates, seconds)
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="memory",
        model="memory",
        task="ceiling",
        metric="gb_per_s",
        rates=best[1],
        step_seconds=best[2],
        data={"kind": "arrays of ones"},
        by_pass=by_pass,
    )


if __name__ == "__main__":
    main()
