"""Trains ResNet-50 on random images in memory: forward, backward and optimizer step, images/s."""

from __future__ import annotations

from launchers.benchmarks.programs.common import (
    checked,
    dtype_of,
    finish,
    opened,
    parser,
    timed,
)
from launchers.benchmarks.programs.networks import resnet50


def main(argv: list[str] | None = None) -> None:
    wanted = parser(__doc__ or "", batch_size=32)
    wanted.add_argument("--image-size", type=int, default=224, help="pixels a side")
    wanted.add_argument("--compile", action="store_true", help="torch.compile the model")
    wanted.add_argument("--channels-last", action="store_true", help="memory format NHWC")
    args = checked(wanted.parse_args(argv))
    torch, device, meter = opened(args)
    model = resnet50(torch).to(device.name).train()
    side = args.image_size
    images = torch.randn(args.batch_size, 3, side, side).to(device.name)
    labels = torch.randint(1000, (args.batch_size,)).to(device.name)
    if args.channels_last:
        model, images = (
            model.to(memory_format=torch.channels_last),
            images.to(memory_format=torch.channels_last),
        )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss_of = torch.nn.CrossEntropyLoss()
    stepper = torch.compile(model) if args.compile else model
    scaler = torch.amp.GradScaler(device.autocast, enabled=args.precision == "fp16")
    cast = {"dtype": dtype_of(torch, args.precision), "enabled": args.precision != "fp32"}

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.autocast, **cast):
            loss = loss_of(stepper(images), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    seconds = timed(device, step, args)
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="resnet50",
        model="resnet50",
        task="train",
        metric="images_per_s_per_device",
        rates=[args.batch_size / second for second in seconds],
        step_seconds=seconds,
        data={"kind": "random images in device memory"},
        parameters=sum(weight.numel() for weight in model.parameters()),
        image_size=side,
    )


if __name__ == "__main__":
    main()
