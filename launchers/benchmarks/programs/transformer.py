"""Trains a GPT-2 sized transformer on random tokens: a whole optimizer step, tokens/s.

On one device, or on several with DDP or FSDP: under torchrun, or with --ranks as processes here.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Any

from launchers.benchmarks.programs.common import (
    Device,
    checked,
    dtype_of,
    fail,
    finish,
    import_torch,
    open_device,
    parser,
    timed,
)
from launchers.benchmarks.programs.meters import Meter
from launchers.benchmarks.programs.networks import SIZES, transformer
from launchers.benchmarks.programs.ranks import join, leave, spawn, world


def main(argv: list[str] | None = None) -> None:
    wanted = parser(__doc__ or "", batch_size=4)
    wanted.add_argument("--size", choices=sorted(SIZES), default="gpt2")
    wanted.add_argument("--sequence", type=int, default=512, help="tokens a sequence")
    wanted.add_argument("--recompute", action="store_true", help="activations of blocks, again")
    wanted.add_argument("--compile", action="store_true", help="torch.compile the model")
    wanted.add_argument("--parallel", choices=("none", "ddp", "fsdp"), default="none")
    wanted.add_argument("--ranks", type=int, default=1, help="processes to start here")
    args = checked(wanted.parse_args(argv))
    size = SIZES[args.size]
    if args.sequence > size.context:
        fail(f"--sequence {args.sequence} is above the model's {size.context}")
    if args.parallel == "none" and (args.ranks > 1 or world()[1] > 1):
        fail("several ranks need --parallel ddp or fsdp")
    if not args.check_only and (code := spawn(args.ranks)) is not None:
        sys.exit(code)
    torch = import_torch(args)
    device = open_device(torch, args.device, args.threads, args.seed)
    rank, ranks = world()
    if args.parallel != "none":
        join(torch, device)
    meter = Meter(device.kind)
    meter.start()
    model = transformer(torch, size).to(device.name).train()
    parameters = sum(weight.numel() for weight in model.parameters())
    if args.recompute:
        _recompute(model)
    model = _parallel(torch, device, model, args.parallel)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    stepper = torch.compile(model) if args.compile else model
    scaler = torch.amp.GradScaler(device.autocast, enabled=args.precision == "fp16")
    cast = {"dtype": dtype_of(torch, args.precision), "enabled": args.precision != "fp32"}
    shape = (args.batch_size, args.sequence + 1)
    tokens = torch.randint(size.vocabulary, shape).to(device.name)
    inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].reshape(-1)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.autocast, **cast):
            logits = stepper(inputs)
            loss = torch.nn.functional.cross_entropy(
                logits.reshape(-1, size.vocabulary).float(), targets
            )
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    seconds = timed(device, step, args)
    leave()
    if rank:
        return
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="transformer",
        model=size.name,
        task="train",
        metric="tokens_per_s_per_device",
        rates=[args.batch_size * args.sequence / second for second in seconds],
        step_seconds=seconds,
        data={"kind": "random tokens in device memory"},
        parameters=parameters,
        ranks=ranks,
        nodes=max(1, ranks // int(os.environ.get("LOCAL_WORLD_SIZE", ranks))),
    )


def _parallel(torch: Any, device: Device, model: Any, kind: str) -> Any:
    if kind == "ddp":
        return torch.nn.parallel.DistributedDataParallel(model)
    if kind == "fsdp":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(str(device.name), (world()[1],))
        for block in model.blocks:
            fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)
    return model


def _recompute(model: Any) -> None:
    """Blocks keep their input only and run again on the way back."""
    from torch.utils.checkpoint import checkpoint

    for block in model.blocks:
        plain = block.forward
        block.forward = partial(checkpoint, plain, use_reentrant=False)


if __name__ == "__main__":
    main()
