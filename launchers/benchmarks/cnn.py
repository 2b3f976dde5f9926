"""Trains the classic small MNIST CNN and prints how fast that went, as one JSON line.

A program of its own: it is copied to the machine that is measured, where only Python and torch
are. Hence it imports nothing of this project, which also makes it longer than its neighbours.

conv3x3 1-32, ReLU, conv3x3 32-64, ReLU, max-pool 2, dropout, fc 9216-128, ReLU, dropout, fc
128-10: 1,199,882 parameters, 11.98 million multiply-adds an image forward. The data are real
MNIST files or digits drawn here from glyphs; both lie in host memory as tensors, so that batching
and the copy to the device are measured, and decoding of files is not.

Exit codes: 0 measured; 1 unexpected; 2 an argument, device or module that is not there.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import hashlib
import json
import os
import platform
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from typing import Any, NoReturn

MARKER = "@@PLANNER_RESULT "
STARTED = time.perf_counter()
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


def fail(problem: str) -> NoReturn:
    print(f"error: cnn: {problem}", file=sys.stderr, flush=True)
    raise SystemExit(2)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cnn", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--samples", type=int, default=6000, help="training images")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0: torch's choice")
    parser.add_argument("--precision", choices=("fp32", "bf16", "amp"), default="fp32")
    parser.add_argument("--optimizer", choices=("adadelta", "sgd"), default="adadelta")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    parser.add_argument("--warmup-steps", type=int, default=5, help="steps not counted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-seconds", type=float, default=300.0, help="stop training then")
    parser.add_argument("--data", type=Path, help="folder with the four MNIST idx files")
    args = parser.parse_args(argv)
    for name in ("batch_size", "samples", "epochs", "max_seconds"):
        if not 0 < getattr(args, name) < float("inf"):
            fail(f"--{name.replace('_', '-')} must be above zero")
    if args.threads < 0 or args.warmup_steps < 0:
        fail("--threads and --warmup-steps cannot be negative")
    if args.samples // args.batch_size * args.epochs <= args.warmup_steps:
        fail(
            f"{args.samples} samples in batches of {args.batch_size} x {args.epochs} epochs leave "
            f"nothing to time after {args.warmup_steps} warm-up steps; give more --samples"
        )
    return args


def choose_device(torch: Any, wanted: str) -> str:
    there = {
        "cuda": bool(torch.cuda.is_available()),
        "mps": bool(torch.backends.mps.is_available()),
        "cpu": True,
    }
    if wanted == "auto":
        return next(name for name, found in there.items() if found)
    if not there[wanted]:
        fail(f"device {wanted} is not available here; use --device cpu or auto")
    return wanted


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


def build_model(torch: Any) -> Any:
    nn = torch.nn
    features = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)]
    return nn.Sequential(*features, nn.Dropout(0.25), nn.Flatten(), *head)


class Utilisation(threading.Thread):
    """Samples how busy CPU and GPU are, each second, beside the training."""

    def __init__(self, device: str) -> None:
        super().__init__(daemon=True)
        self.samples: list[dict[str, float]] = []
        self.source = "/proc/stat" + (", nvidia-smi" if device == "cuda" else "")
        self._cuda, self._over, self._before = device == "cuda", threading.Event(), self._cpu()

    def run(self) -> None:
        while not self._over.wait(1.0):
            self.sample()

    def sample(self) -> None:
        now = self._cpu()
        point = {"second": round(time.perf_counter() - STARTED, 2)}
        if now and self._before and now[1] > self._before[1]:
            busy, total = (after - before for after, before in zip(now, self._before, strict=True))
            point["cpu_percent"] = round(100 * busy / total, 1)
        self._before = now
        if self._cuda:
            query = "--query-gpu=utilization.gpu,memory.used,power.draw"
            text = run_tool(["nvidia-smi", query, "--format=csv,noheader,nounits"])
            names = ("gpu_percent", "gpu_memory_mib", "gpu_watts")
            for name, cell in zip(names, text.split("\n")[0].split(","), strict=False):
                if cell.strip().replace(".", "", 1).isdigit():
                    point[name] = float(cell)
        if len(point) > 1:
            self.samples.append(point)

    def finish(self) -> None:
        self._over.set()
        self.join()
        self.sample()

    @staticmethod
    def _cpu() -> tuple[int, int] | None:
        """Busy and all clock ticks since boot, where the system tells."""
        try:
            ticks = Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
        except OSError:
            return None
        numbers = [int(tick) for tick in ticks]
        return sum(numbers) - numbers[3] - numbers[4], sum(numbers)


def run_tool(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def train(torch: Any, args: argparse.Namespace, device: str, data: list[Any]) -> dict[str, Any]:
    """Train, timing each step from the end of the one before, and test. Raw figures."""
    train_x, train_y, test_x, test_y = data
    model = build_model(torch).to(device)
    parameters = sum(weight.numel() for weight in model.parameters())
    adadelta = args.optimizer == "adadelta"
    optimizer = (
        torch.optim.Adadelta(model.parameters(), lr=1.0)
        if adadelta
        else torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    )
    stepper = torch.compile(model) if args.compile else model
    scaler = torch.amp.GradScaler(device, enabled=args.precision == "amp" and device == "cuda")
    kind = torch.float16 if args.precision == "amp" else torch.bfloat16
    cast = {"device_type": device, "dtype": kind, "enabled": args.precision != "fp32"}
    loss_of, order = torch.nn.CrossEntropyLoss(), torch.Generator().manual_seed(args.seed)

    def images(part: Any) -> Any:
        return ((part.to(device).float() / 255 - 0.1307) / 0.3081).unsqueeze(1)

    def mark() -> Any:
        # CUDA runs behind: events time its steps without stopping it after each one.
        if device == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            return event
        if device == "mps":
            torch.mps.synchronize()
        return time.perf_counter()

    per_epoch = len(train_x) // args.batch_size
    steps: list[float] = []
    epochs: list[float] = []
    done, early, loss = 0, False, None
    for epoch in range(1, args.epochs + 1):
        epoch_started, marks = time.perf_counter(), [mark()]
        shuffled = torch.randperm(len(train_x), generator=order)
        for step in range(per_epoch):
            chosen = shuffled[step * args.batch_size : (step + 1) * args.batch_size]
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(**cast):
                loss = loss_of(stepper(images(train_x[chosen])), train_y[chosen].to(device).long())
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            marks.append(mark())
            done += 1
            early = time.perf_counter() - STARTED > args.max_seconds
            if step % max(1, per_epoch // 5) == 0 or early:
                rate = (step + 1) * args.batch_size / (time.perf_counter() - epoch_started)
                print(f"epoch {epoch} step {step + 1}/{per_epoch} {rate:.0f} images/s", flush=True)
            if early:
                break
        if device == "cuda":
            torch.cuda.synchronize()
            times = [b.elapsed_time(a) / 1e3 for b, a in pairwise(marks)]
        else:
            times = [a - b for b, a in pairwise(marks)]
        steps += times
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


def hardware(torch: Any, device: str) -> dict[str, Any]:
    """The machine as found, in the words of its own system."""
    found: dict[str, Any] = {"machine": platform.machine(), "logical_cpus": os.cpu_count()}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            found.setdefault(f"cpu {name.strip()}".replace(" ", "_"), value.strip())
        memory = next(x for x in Path("/proc/meminfo").read_text().split("\n") if "MemTotal" in x)
        found["memory_gib"] = round(int(memory.split()[1]) / 2**20, 2)
    except OSError:
        found["cpu_model_name"] = platform.processor()
    kept = ("machine", "logical", "cpu_model_name", "cpu_vendor", "cpu_cpu_c", "cpu_fl", "memory")
    found = {name: value for name, value in found.items() if name.startswith(kept)}
    if device == "cuda":
        gpu = torch.cuda.get_device_properties(0)
        found |= {"gpu": gpu.name, "gpu_memory_gib": round(gpu.total_memory / 2**30, 2)}
        found |= {"gpus": torch.cuda.device_count(), "compute": f"{gpu.major}.{gpu.minor}"}
        found["gpu_peak_allocated_mib"] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
        driver = run_tool(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"])
        found["driver"] = driver.split("\n")[0].strip()
    return found


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    try:
        import torch as imported
    except ImportError:
        fail(f"torch is not installed in {sys.executable}; pip install torch")
    torch: Any = imported
    device = choose_device(torch, args.device)
    if args.precision == "amp" and device != "cuda":
        fail("--precision amp (fp16) needs a CUDA device; use bf16 or fp32")
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32; matmuls have it off by default
    if args.data:
        data, source = read_mnist(torch, args.data, args.samples)
    else:
        data, source = draw_digits(torch, args.samples, args.seed)
        print(f"data: {len(data[0])} synthetic digits sha256 {source['sha256']}", flush=True)
    watch = Utilisation(device)
    watch.start()
    figures = train(torch, args, device, data)
    watch.finish()
    if not figures["step_seconds"]:
        fail(f"no step after warm-up within {args.max_seconds:g} s; raise --max-seconds")
    rates = sorted(args.batch_size / second for second in figures["step_seconds"])
    cuts = quantiles(rates, n=10, method="inclusive") if len(rates) > 1 else rates * 9
    config = {name: value for name, value in vars(args).items() if name != "data"}
    document = {
        "schema": "planner.benchmark/1",
        "benchmark": "cnn",
        "model": "MNIST-CNN-pytorch-examples",
        "task": "train",
        "metric": "images_per_s_per_device",
        "value": cuts[4],
        "images_per_s": {"median": cuts[4], "p10": cuts[0], "p90": cuts[8]},
        **figures,
        "data": source | {"train": len(data[0]), "test": len(data[2]), "in": "host memory"},
        "device": device,
        "threads": torch.get_num_threads(),
        "config": config,
        "seed": args.seed,
        "hardware": hardware(torch, device),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "system": platform.platform(),
        },
        "utilisation": {"source": watch.source, "samples": watch.samples},
        "seconds": round(time.perf_counter() - STARTED, 2),
    }
    print(MARKER + json.dumps(document), flush=True)


if __name__ == "__main__":
    main()
