"""Trains the classic small MNIST CNN and prints how fast that went, as one JSON line.

conv3x3 1-32, ReLU, conv3x3 32-64, ReLU, max-pool 2, dropout, fc 9216-128, ReLU, dropout, fc
128-10: 1,199,882 parameters, 11.98 million multiply-adds an image forward. The data are real
MNIST files, scikit-learn's digits (``--data sklearn``) or digits drawn here from glyphs; they lie
in host memory as tensors, so that batching and the copy to the device are measured, and decoding
of files is not.

Exit codes: 0 measured; 1 unexpected; 2 an argument, device or module that is not there.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import hashlib
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

from launchers.benchmarks.programs.common import (
    Device,
    checked,
    fail,
    finish,
    import_torch,
    open_device,
    parser,
)
from launchers.benchmarks.programs.meters import STARTED, Meter
from launchers.benchmarks.programs.networks import cnn

# Ten digits, 5 x 7 pixels, a row a number.
GLYPHS = (
    (14, 17, 17, 17, 17, 17, 14),
    (4, 12, 4, 4, 4, 4, 14),
    (14, 17, 1, 2, 4, 8, 31),
    (14, 17, 1, 6, 1, 17, 14),
    (2, 6, 10, 18, 31, 2, 2),
    (31, 16, 30, 1, 1, 17, 14),
    (6, 8, 16, 30, 17, 17, 14),
    (31, 1, 2, 4, 4, 8, 8),
    (14, 17, 17, 14, 17, 17, 14),
    (14, 17, 17, 15, 1, 2, 12),
)
MNIST_FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    wanted = parser(__doc__ or "", batch_size=64, precisions=("fp32", "bf16", "amp"))
    wanted.add_argument("--samples", type=int, default=6000, help="training images")
    wanted.add_argument("--epochs", type=int, default=1)
    wanted.add_argument("--optimizer", choices=("adadelta", "sgd"), default="adadelta")
    wanted.add_argument("--compile", action="store_true", help="torch.compile the model")
    wanted.add_argument("--data", help="folder with the four MNIST idx files, or sklearn")
    wanted.set_defaults(warmup_steps=5, max_seconds=300.0)
    args = checked(wanted.parse_args(argv))
    if args.samples // args.batch_size * args.epochs <= args.warmup_steps:
        fail(
            f"{args.samples} samples in batches of {args.batch_size} x {args.epochs} epochs leave "
            f"nothing to time after {args.warmup_steps} warm-up steps; give more --samples"
        )
    return args


def read_mnist(torch: Any, folder: Path, samples: int) -> tuple[list[Any], dict[str, Any]]:
    """Images and labels of both sets, and where they come from."""
    tensors, digests = [], {}
    for stem in MNIST_FILES:
        names = (f"{stem}-ubyte{end}" for end in ("", ".gz"))
        path = next((folder / name for name in names if (folder / name).is_file()), None)
        if path is None:
            fail(f"{folder}: has no {stem}-ubyte or {stem}-ubyte.gz")
        raw = path.read_bytes()
        digests[path.name] = hashlib.sha256(raw).hexdigest()
        print(f"data: {path} sha256 {digests[path.name]}", flush=True)
        try:
            raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
            sizes = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
            body = torch.frombuffer(bytearray(raw[4 + 4 * len(sizes) :]), dtype=torch.uint8)
            tensors.append(body.reshape(sizes))
        except (OSError, EOFError, ValueError, IndexError, RuntimeError) as error:
            fail(f"{path}: is not an idx file ({error})")
    train_x, train_y, test_x, test_y = tensors
    if train_x.shape[1:] != (28, 28) or len(train_x) != len(train_y):
        fail(f"{folder}: images are {tuple(train_x.shape)}, labels {tuple(train_y.shape)}")
    if len(train_x) < samples:
        fail(f"{folder}: holds {len(train_x)} images; give fewer --samples than {samples}")
    parts = [train_x[:samples], train_y[:samples], test_x, test_y]
    return parts, {"kind": "mnist", "sha256": digests}


def draw_digits(torch: Any, samples: int, seed: int) -> tuple[list[Any], dict[str, Any]]:
    """Digits drawn from the glyphs with random stroke, shift, scale, rotation, shear and noise."""
    function = torch.nn.functional
    rows = [[[float(row >> (4 - x) & 1) for x in range(5)] for row in glyph] for glyph in GLYPHS]
    small = torch.tensor(rows).unsqueeze(1)
    thin = function.interpolate(small, size=(20, 14), mode="bilinear", align_corners=False)
    thick = function.max_pool2d(function.pad(thin, (1, 1, 1, 1)), 3, 1)
    strokes = torch.stack([function.pad(kind, (7, 7, 4, 4)) for kind in (thin, thick)])
    random = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Any:
        return torch.rand(*shape, generator=random) * (high - low) + low

    def draw(count: int) -> tuple[Any, Any]:
        images, labels = [], []
        for start in range(0, count, 4096):  # in parts: the sampling grids are large
            n = min(4096, count - start)
            label = torch.randint(10, (n,), generator=random)
            angle, size = uniform(-0.35, 0.35, n), uniform(0.8, 1.25, n)
            shear = uniform(-0.25, 0.25, n)
            cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
            top = torch.stack([cos, shear * cos - sin, uniform(-0.2, 0.2, n)], 1)
            low = torch.stack([sin, shear * sin + cos, uniform(-0.2, 0.2, n)], 1)
            grid = function.affine_grid(torch.stack([top, low], 1), [n, 1, 28, 28], False)
            stroke = strokes[torch.randint(2, (n,), generator=random), label]
            image = function.grid_sample(stroke, grid, align_corners=False).squeeze(1)
            image = image * uniform(0.6, 1.0, n, 1, 1)
            image = image + 0.15 * torch.randn(image.shape, generator=random)
            images.append((image.clamp(0, 1) * 255).to(torch.uint8))
            labels.append(label.to(torch.uint8))
        return torch.cat(images), torch.cat(labels)

    train, test = draw(samples), draw(max(200, samples // 6))
    pixels = ctypes.string_at(train[0].data_ptr(), train[0].numel())  # numpy may not be there
    digest = hashlib.sha256(pixels).hexdigest()
    return [*train, *test], {"kind": "synthetic digits", "sha256": digest, "seed": seed}


def sklearn_digits(torch: Any, samples: int, seed: int) -> tuple[list[Any], dict[str, Any]]:
    """1,797 real handwritten digits of 8 x 8 pixels, enlarged; every fifth is kept for the test."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        fail("scikit-learn is not installed; pip install scikit-learn, or drop --data")
    found = load_digits()
    pixels = torch.tensor(found.images).float().unsqueeze(1) * (255 / 16)
    images = torch.nn.functional.interpolate(pixels, size=(28, 28), mode="bilinear")
    images, labels = images.squeeze(1).to(torch.uint8), torch.tensor(found.target).to(torch.uint8)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    test, train = order[::5], order[torch.arange(len(order)) % 5 != 0]
    again = train[torch.arange(samples) % len(train)]  # as often as samples asks for
    parts = [images[again], labels[again], images[test], labels[test]]
    digest = hashlib.sha256(ctypes.string_at(images.data_ptr(), images.numel())).hexdigest()
    return parts, {"kind": "scikit-learn digits", "sha256": digest}


def train(torch: Any, args: argparse.Namespace, device: Device, data: list[Any]) -> dict[str, Any]:
    """Train, timing each step from the end of the one before, and test. Raw figures."""
    train_x, train_y, test_x, test_y = data
    model = cnn(torch).to(device.name)
    parameters = sum(weight.numel() for weight in model.parameters())
    adadelta = args.optimizer == "adadelta"
    optimizer = (
        torch.optim.Adadelta(model.parameters(), lr=1.0)
        if adadelta
        else torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    )
    stepper = torch.compile(model) if args.compile else model
    scaler = torch.amp.GradScaler(device.autocast, enabled=args.precision == "amp")
    kind = torch.float16 if args.precision == "amp" else torch.bfloat16
    cast = {"device_type": device.autocast, "dtype": kind, "enabled": args.precision != "fp32"}
    loss_of, order = torch.nn.CrossEntropyLoss(), torch.Generator().manual_seed(args.seed)

    def images(part: Any) -> Any:
        return ((part.to(device.name).float() / 255 - 0.1307) / 0.3081).unsqueeze(1)

    per_epoch = len(train_x) // args.batch_size
    steps: list[float] = []
    epochs: list[float] = []
    done, early, loss = 0, False, None
    for epoch in range(1, args.epochs + 1):
        epoch_started, marks = time.perf_counter(), [device.mark()]
        shuffled = torch.randperm(len(train_x), generator=order)
        for step in range(per_epoch):
            chosen = shuffled[step * args.batch_size : (step + 1) * args.batch_size]
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(**cast):
                loss = loss_of(
                    stepper(images(train_x[chosen])), train_y[chosen].to(device.name).long()
                )
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            marks.append(device.mark())
            done += 1
            early = time.perf_counter() - STARTED > args.max_seconds
            if step % max(1, per_epoch // 5) == 0 or early:
                rate = (step + 1) * args.batch_size / (time.perf_counter() - epoch_started)
                print(f"epoch {epoch} step {step + 1}/{per_epoch} {rate:.0f} images/s", flush=True)
            if early:
                break
        steps += device.seconds(marks)
        if early:
            break
        epochs.append(time.perf_counter() - epoch_started)
    model.eval()
    right = 0
    with torch.no_grad(), torch.autocast(**cast):
        for start in range(0, len(test_x), 500):
            guess = model(images(test_x[start : start + 500])).argmax(1).cpu()
            right += int((guess == test_y[start : start + 500]).sum())
    return {
        "parameters": parameters,
        "step_seconds": [round(second, 7) for second in steps[args.warmup_steps :]],
        "steps": done,
        "epoch_seconds": [round(second, 4) for second in epochs],
        "stopped_early": early,
        "final_loss": None if loss is None else float(loss.detach()),
        "accuracy": right / len(test_x),
    }


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    torch = import_torch(args)
    device = open_device(torch, args.device, args.threads, args.seed)
    if args.precision == "amp" and device.name != "cuda":
        fail("--precision amp (fp16) needs a CUDA device; use bf16 or fp32")
    if args.data == "sklearn":
        data, source = sklearn_digits(torch, args.samples, args.seed)
    elif args.data:
        data, source = read_mnist(torch, Path(args.data), args.samples)
    else:
        data, source = draw_digits(torch, args.samples, args.seed)
        print(f"data: {len(data[0])} synthetic digits sha256 {source['sha256']}", flush=True)
    meter = Meter(device.kind)
    meter.start()
    figures = train(torch, args, device, data)
    seconds = figures.pop("step_seconds")
    if not seconds:
        fail(f"no step after warm-up within {args.max_seconds:g} s; raise --max-seconds")
    rates = sorted(args.batch_size / second for second in seconds)
    cuts = quantiles(rates, n=10, method="inclusive") if len(rates) > 1 else rates * 9
    args.data = None  # a path says nothing to others
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="cnn",
        model="MNIST-CNN-pytorch-examples",
        task="train",
        metric="images_per_s_per_device",
        rates=rates,
        step_seconds=seconds,
        data=source | {"train": len(data[0]), "test": len(data[2]), "in": "host memory"},
        images_per_s={"median": cuts[4], "p10": cuts[0], "p90": cuts[8]},
        image_size=28,
        **figures,
    )


if __name__ == "__main__":
    main()
