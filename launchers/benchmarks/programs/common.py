"""What all benchmarks share: arguments, the device, timing, and the one JSON line at the end."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from typing import Any, NoReturn

from launchers.benchmarks.programs.meters import STARTED, Meter, run_tool

MARKER = "@@PLANNER_RESULT "
SCHEMA = "planner.benchmark/1"
DEVICES = ("auto", "cpu", "cuda", "rocm", "mps", "xla", "hpu", "neuron")
PRECISIONS = ("fp32", "bf16", "fp16")
# Something to time: its name, what one step of it does in the unit of the rate, and the step.
Case = tuple[str, float, Callable[[], object]]


def fail(problem: str) -> NoReturn:
    """Say why this cannot be measured here; exit code 2."""
    # The file that is sent out is called planner_NAME_DIGEST.py.
    name = Path(sys.argv[0]).stem.removeprefix("planner_").rsplit("_", 1)[0] or "benchmark"
    print(f"error: {name}: {problem}", file=sys.stderr, flush=True)
    raise SystemExit(2)


def say(line: str) -> None:
    """A line of progress; of several ranks the first one speaks."""
    if os.environ.get("RANK", "0") == "0":
        print(line, flush=True)


class Arguments(argparse.ArgumentParser):
    """Mistakes are one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        fail(message)


def parser(
    description: str, *, batch_size: int | None = None, precisions: tuple[str, ...] = PRECISIONS
) -> argparse.ArgumentParser:
    """Arguments that every benchmark has."""
    result = Arguments(description=description.splitlines()[0])
    result.add_argument("--device", choices=DEVICES, default="auto")
    result.add_argument("--precision", choices=precisions, default="fp32")
    result.add_argument("--threads", type=int, default=0, help="CPU threads, 0: torch's choice")
    result.add_argument("--seed", type=int, default=1)
    result.add_argument("--warmup-steps", type=int, default=3, help="steps not counted")
    result.add_argument("--steps", type=int, default=30, help="steps counted at most")
    result.add_argument("--max-seconds", type=float, default=120.0, help="stop counting then")
    result.add_argument("--check-only", action="store_true", help="of the arguments; run nothing")
    if batch_size is not None:
        result.add_argument("--batch-size", type=int, default=batch_size)
    return result


def checked(args: argparse.Namespace) -> argparse.Namespace:
    """Numbers that cannot be are refused by name."""
    for name, value in vars(args).items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        if name in ("threads", "seed", "warmup_steps"):  # none is a number too
            if value < 0:
                fail(f"{flag} cannot be negative")
        elif not 0 < value < math.inf:
            fail(f"{flag} must be above zero")
    return args


def import_torch(args: argparse.Namespace) -> Any:
    """torch, once the arguments are known to be good: a launcher has them checked first."""
    if args.check_only:
        say("arguments are good")
        raise SystemExit(0)
    try:
        import torch
    except ImportError:
        fail(f"torch is not installed in {sys.executable}; pip install torch")
    return torch


class Device:
    """A torch device, and how to wait for it. ``kind`` is a word of ``DEVICES`` but auto."""

    def __init__(self, torch: Any, kind: str) -> None:
        self.torch, self.kind = torch, kind
        # torch calls AMD's GPUs cuda, and Neuron cores are reached through XLA
        self.name: Any = {"rocm": "cuda", "neuron": "xla"}.get(kind, kind)
        self._xla: Any = None
        if self.name == "xla":
            import torch_xla.core.xla_model as xla

            self._xla, self.name = xla, xla.xla_device()

    @property
    def autocast(self) -> str:
        return "xla" if self._xla is not None else str(self.name)

    def synchronize(self) -> None:
        """Until everything asked for is done."""
        if self.name == "cuda":
            self.torch.cuda.synchronize()
        elif self.name == "mps":
            self.torch.mps.synchronize()
        elif self.name == "hpu":
            self.torch.hpu.synchronize()
        elif self._xla is not None:
            self._xla.mark_step()
            self._xla.wait_device_ops()

    def mark(self) -> Any:
        """A moment. CUDA runs behind: events time its steps without stopping it at each one."""
        if self.name == "cuda":
            event = self.torch.cuda.Event(enable_timing=True)
            event.record()
            return event
        self.synchronize()
        return time.perf_counter()

    def seconds(self, marks: list[Any]) -> list[float]:
        """Between neighbouring marks."""
        if self.name == "cuda":
            self.torch.cuda.synchronize()
            return [before.elapsed_time(after) / 1e3 for before, after in pairwise(marks)]
        return [after - before for before, after in pairwise(marks)]


def open_device(torch: Any, wanted: str, threads: int = 0, seed: int = 0) -> Device:
    """The device asked for, else the best there is; seeds and threads set. Fails when absent."""
    there: dict[str, Callable[[], bool]] = {
        "rocm": lambda: torch.cuda.is_available() and torch.version.hip is not None,
        "cuda": lambda: torch.cuda.is_available() and torch.version.hip is None,
        "hpu": lambda: _has("habana_frameworks") and hasattr(torch, "hpu"),
        "neuron": lambda: _has("torch_neuronx"),
        "xla": lambda: _has("torch_xla"),
        "mps": lambda: torch.backends.mps.is_available(),
        "cpu": lambda: True,
    }
    if wanted == "auto":
        kind = next(name for name, found in there.items() if found())
    elif there[wanted]():
        kind = wanted
    else:
        remedy = {"xla": "pip install torch_xla, ", "hpu": "use Habana's image, "}.get(wanted, "")
        fail(f"device {wanted} is not available here; {remedy}use --device cpu or auto")
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32; matmuls have it off by default
    return Device(torch, kind)


def opened(args: argparse.Namespace) -> tuple[Any, Device, Meter]:
    """torch, the device asked for, and a meter that runs."""
    torch = import_torch(args)
    device = open_device(torch, args.device, args.threads, args.seed)
    meter = Meter(device.kind)
    meter.start()
    return torch, device, meter


def _has(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def dtype_of(torch: Any, precision: str) -> Any:
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def timed(device: Device, step: Callable[[], object], args: argparse.Namespace) -> list[float]:
    """Seconds of each counted step, warm-up left out."""
    for _ in range(max(1, args.warmup_steps)):
        step()
    device.synchronize()
    start, marks = time.perf_counter(), [device.mark()]
    for number in range(1, args.steps + 1):
        step()
        marks.append(device.mark())
        spent = time.perf_counter() - start
        if number % max(1, args.steps // 5) == 0:
            say(f"step {number}/{args.steps} {number / spent:.3g} steps/s")
        if spent > args.max_seconds:
            say(f"stopped after {number} steps: --max-seconds")
            break
    return device.seconds(marks)


def best_of(
    device: Device, cases: Iterable[Case], count: int, args: argparse.Namespace
) -> tuple[dict[str, dict[str, float]], list[float], list[float]]:
    """Time ``count`` cases, each for its share of the seconds allowed.

    Returns the spread of each one's rates by name, and rates and seconds of the fastest one.
    """
    each = argparse.Namespace(**{**vars(args), "max_seconds": args.max_seconds / count})
    found: dict[str, dict[str, float]] = {}
    best: tuple[float, list[float], list[float]] = (0.0, [], [])
    for name, amount, step in cases:
        say(name)
        seconds = timed(device, step, each)
        rates = [amount / second for second in seconds]
        found[name] = {**spread(rates), "median_s": spread(seconds)["median"]}
        if found[name]["median"] > best[0]:
            best = found[name]["median"], rates, seconds
    return found, best[1], best[2]


def spread(values: list[float]) -> dict[str, float]:
    """Median and the middle four fifths."""
    cuts = quantiles(values, n=10, method="inclusive") if len(values) > 1 else values * 9
    return {"median": cuts[4], "p10": cuts[0], "p90": cuts[8]}


def hardware(torch: Any, device: Device) -> dict[str, Any]:
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
    if device.name == "cuda":
        gpu = torch.cuda.get_device_properties(0)
        found |= {"gpu": gpu.name, "gpu_memory_gib": round(gpu.total_memory / 2**30, 2)}
        found |= {"gpus": torch.cuda.device_count(), "compute": f"{gpu.major}.{gpu.minor}"}
        found["gpu_peak_allocated_mib"] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
        driver = run_tool(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"])
        found["driver"] = driver.split("\n")[0].strip()
    elif device.kind == "xla":
        found["gpu"] = os.environ.get("TPU_ACCELERATOR_TYPE", "TPU")
    elif device.kind == "hpu":
        found["gpu"] = "Gaudi"
    elif device.kind == "neuron":
        found["gpu"] = "Trainium"
    return found


def versions(torch: Any, *modules: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "system": platform.platform(),
    }
    for name in modules:
        module = sys.modules.get(name)
        found[name] = None if module is None else str(getattr(module, "__version__", "unknown"))
    return found


def finish(
    torch: Any,
    device: Device,
    meter: Meter,
    args: argparse.Namespace,
    *,
    benchmark: str,
    model: str,
    task: str,
    metric: str,
    rates: list[float],
    step_seconds: list[float],
    data: dict[str, Any],
    modules: tuple[str, ...] = (),
    **figures: Any,
) -> None:
    """Print the result line. ``rates`` are of single steps in the unit of ``metric``."""
    watched = meter.finish()
    if figures.get("ranks", 1) > 1:  # what other ranks used was not somebody else's
        watched["other_cpu_share"] = None
    if not rates:
        fail("nothing was timed; raise --max-seconds or lower the work")
    typical = spread(rates)
    config = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(args).items()
        if name != "check_only"
    }
    document = {
        "schema": SCHEMA,
        "benchmark": benchmark,
        "model": model,
        "task": task,
        "metric": metric,
        "value": typical["median"],
        "rates": typical,
        "step_seconds": [round(second, 9) for second in step_seconds],
        **figures,
        "data": data,
        "device": device.kind,
        "threads": torch.get_num_threads(),
        "config": config,
        "seed": args.seed,
        "hardware": hardware(torch, device),
        "versions": versions(torch, *modules),
        "utilisation": watched,
        "seconds": round(time.perf_counter() - STARTED, 2),
    }
    print(MARKER + json.dumps(document), flush=True)
