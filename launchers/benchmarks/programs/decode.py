"""Runs prompts through a transformer and generates tokens with a KV cache: TTFT, TPOT, tokens/s.

Plain torch, one batch at a time, all sequences in step: what a runtime adds (paged memory, batching
as requests come, its own kernels) is not in it.
"""

from __future__ import annotations

import time

from launchers.benchmarks.programs.common import (
    checked,
    dtype_of,
    fail,
    finish,
    opened,
    parser,
    say,
    spread,
)
from launchers.benchmarks.programs.networks import SIZES, cache_of, transformer


def main(argv: list[str] | None = None) -> None:
    wanted = parser(__doc__ or "", batch_size=8)
    wanted.add_argument("--size", choices=sorted(SIZES), default="gpt2")
    wanted.add_argument("--input-length", type=int, default=256, help="prompt tokens")
    wanted.add_argument("--output-length", type=int, default=64, help="tokens to generate")
    wanted.set_defaults(steps=5, warmup_steps=1)
    args = checked(wanted.parse_args(argv))
    size = SIZES[args.size]
    length = args.input_length + args.output_length
    if length > size.context:
        fail(f"--input-length and --output-length add up to {length}, above {size.context}")
    torch, device, meter = opened(args)
    dtype = dtype_of(torch, args.precision)
    model = transformer(torch, size, cached=True).to(device.name, dtype).eval()
    prompt = torch.randint(size.vocabulary, (args.batch_size, args.input_length)).to(device.name)
    cache = cache_of(torch, size, args.batch_size, length, device.name, dtype)

    def generate() -> tuple[float, list[float]]:
        """Seconds to the first token, and of each one after it."""
        device.synchronize()
        start = time.perf_counter()
        token = model(prompt, cache, 0).argmax(-1)
        device.synchronize()
        first = time.perf_counter() - start
        marks = [device.mark()]
        for at in range(args.input_length, length - 1):
            token = model(token, cache, at).argmax(-1)
            marks.append(device.mark())
        return first, device.seconds(marks)

    with torch.no_grad():
        for _ in range(max(1, args.warmup_steps)):
            generate()
        runs: list[tuple[float, list[float]]] = []
        start = time.perf_counter()
        while len(runs) < args.steps and time.perf_counter() - start < args.max_seconds:
            runs.append(generate())
            say(f"run {len(runs)}/{args.steps} first token {runs[-1][0] * 1e3:.4g} ms")
    whole = [first + sum(later) for first, later in runs]
    later = [second for _, part in runs for second in part]
    tokens = args.batch_size * args.output_length
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="decode",
        model=size.name,
        task="infer_batch",
        metric="tokens_per_s_per_device",
        rates=[tokens / second for second in whole],
        step_seconds=whole,
        data={"kind": "random tokens"},
        ttft_ms={name: 1e3 * value for name, value in spread([r[0] for r in runs]).items()},
        tpot_ms={name: 1e3 * value for name, value in spread(later).items()} if later else None,
        parameters=sum(weight.numel() for weight in model.parameters()),
    )


if __name__ == "__main__":
    main()
