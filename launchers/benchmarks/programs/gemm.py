"""Multiplies square matrices of growing size: the arithmetic ceiling of a device, in TFLOP/s."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from launchers.benchmarks.programs.common import (
    Case,
    best_of,
    checked,
    dtype_of,
    finish,
    opened,
    parser,
)


def main(argv: list[str] | None = None) -> None:
    wanted = parser(__doc__ or "")
    wanted.add_argument("--largest", type=int, default=4096, help="rows of the largest matrices")
    args = checked(wanted.parse_args(argv))
    torch, device, meter = opened(args)
    dtype = dtype_of(torch, args.precision)
    sizes = [n for n in (256, 512, 1024, 2048, 4096, 8192, 16384) if n < args.largest]
    sizes.append(args.largest)

    def cases() -> Iterator[Case]:
        for n in sizes:
            left, right = (torch.randn(n, n).to(device.name, dtype) for _ in range(2))
            out = torch.empty(n, n, dtype=dtype).to(device.name)
            yield str(n), 2 * n**3 / 1e12, partial(torch.mm, left, right, out=out)

    by_size, rates, seconds = best_of(device, cases(), len(sizes), args)
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="gemm",
        model="gemm",
        task="ceiling",
        metric="tflops",
        rates=rates,
        step_seconds=seconds,
        data={"kind": "random matrices"},
        by_size=by_size,
    )


if __name__ == "__main__":
    main()
