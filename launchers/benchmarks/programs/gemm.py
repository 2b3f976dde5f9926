"""Multiplies square matrices of growing size: the arithmetic ceiling of a device, in TFLOP/s."""

from __future__ import annotations

import argparse
from functools import partial

from launchers.benchmarks.programs.common import (
    checked,
    dtype_of,
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
    wanted.add_argument("--largest", type=int, default=4096, help="rows of the largest matrices")
    args = checked(wanted.parse_args(argv))
    torch = import_torch(args)
    device = open_device(torch, args.device, args.threads, args.seed)
    meter = Meter(device.kind)
    meter.start()
    dtype = dtype_of(torch, args.precision)
    sizes = [n for n in (256, 512, 1024, 2048, 4096, 8192, 16384) if n < args.largest]
    by_size: dict[str, dict[str, float]] = {}
    best: tuple[float, list[float], list[float]] = (0.0, [], [])
    each = argparse.Namespace(**{**vars(args), "max_seconds": args.max_seconds / (len(sizes) + 1)})
    for n in (*sizes, args.largest):
        left, right = (torch.randn(n, n).to(device.name, dtype) for _ in range(2))
        out = torch.empty(n, n, dtype=dtype).to(device.name)
        say(f"{n} x {n} x {n}")
        seconds = timed(device, partial(torch.mm, left, right, out=out), each)
        rates = [2 * n**3 / second / 1e12 for second in seconds]
        by_size[str(n)] = spread(rates)
        if by_size[str(n)]["median"] > best[0]:
            best = (by_size[str(n)]["median"], rates, seconds)
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="gemm",
        model="gemm",
        task="ceiling",
        metric="tflops",
        rates=best[1],
        step_seconds=best[2],
        data={"kind": "random matrices"},
        by_size=by_size,
    )


if __name__ == "__main__":
    main()
