"""Copies and adds large arrays: the memory ceiling of a device, in GB/s moved."""

from __future__ import annotations

from collections.abc import Callable

from launchers.benchmarks.programs.common import best_of, checked, finish, opened, parser


def main(argv: list[str] | None = None) -> None:
    wanted = parser(__doc__ or "")
    wanted.add_argument("--mebibytes", type=int, default=512, help="of each array")
    args = checked(wanted.parse_args(argv))
    torch, device, meter = opened(args)
    count = args.mebibytes * 2**20 // 4
    a, b, c = (torch.ones(count).to(device.name) for _ in range(3))
    # Arrays read and written by each pass.
    passes: dict[str, tuple[int, Callable[[], object]]] = {
        "copy": (2, lambda: b.copy_(a)),
        "scale": (2, lambda: torch.mul(a, 3.0, out=b)),
        "add": (3, lambda: torch.add(a, b, out=c)),
        "triad": (3, lambda: torch.add(a, b, alpha=3.0, out=c)),
    }
    cases = [(name, n * 4 * count / 1e9, run) for name, (n, run) in passes.items()]
    by_pass, rates, seconds = best_of(device, cases, len(cases), args)
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="memory",
        model="memory",
        task="ceiling",
        metric="gb_per_s",
        rates=rates,
        step_seconds=seconds,
        data={"kind": "arrays of ones"},
        by_pass=by_pass,
    )


if __name__ == "__main__":
    main()
