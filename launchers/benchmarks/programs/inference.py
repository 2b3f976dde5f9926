"""Runs one network through one runtime on random inputs: samples/s of a batch.

Runtimes: torch (eager), compile (torch.compile), onnxruntime, openvino, tvm, tensorrt. The same
weights and inputs go to each, and each answer is compared with torch's before anything is timed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from launchers.benchmarks.programs.common import (
    Device,
    checked,
    dtype_of,
    fail,
    finish,
    opened,
    parser,
    say,
    timed,
)
from launchers.benchmarks.programs.networks import SIZES, cnn, resnet50, transformer

RUNTIMES = ("torch", "compile", "onnxruntime", "openvino", "tvm", "tensorrt")
# Name in the catalog's model shapes, metric, and what a sample counts as.
NETWORKS = {
    "cnn": ("MNIST-CNN-pytorch-examples", "images_per_s_per_device"),
    "resnet50": ("resnet50", "images_per_s_per_device"),
    "gpt2": (SIZES["gpt2"].name, "tokens_per_s_per_device"),
    "smoke": (SIZES["smoke"].name, "tokens_per_s_per_device"),
}
# Largest difference from torch's answer, in units of its spread, that is still the same network.
TOLERANCE = {"fp32": 0.02, "bf16": 0.25, "fp16": 0.1}

Run = Callable[[], Any]


def main(argv: list[str] | None = None) -> None:
    wanted = parser(__doc__ or "", batch_size=16)
    wanted.add_argument("--runtime", choices=RUNTIMES, default="torch")
    wanted.add_argument("--network", choices=sorted(NETWORKS), default="cnn")
    wanted.add_argument(
        "--sequence", type=int, default=128, help="tokens a sequence of a transformer"
    )
    args = checked(wanted.parse_args(argv))
    torch, device, meter = opened(args)
    model, inputs = _network(torch, args)
    dtype = dtype_of(torch, args.precision)
    model = model.eval()
    with torch.no_grad():
        reference = model(inputs).float()
        run, modules = _open(torch, device, args, model, inputs, dtype)
        say(f"{args.runtime}: checking the answer")
        _check(torch, reference, run(), args)
        seconds = timed(device, run, args)
    name, metric = NETWORKS[args.network]
    units = args.batch_size * (args.sequence if args.network in SIZES else 1)
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="inference" if args.runtime in ("torch", "compile") else args.runtime,
        model=name,
        task="infer_batch",
        metric=metric,
        rates=[units / second for second in seconds],
        step_seconds=seconds,
        data={"kind": "random inputs"},
        modules=modules,
        runtime=args.runtime,
    )


def _network(torch: Any, args: Any) -> tuple[Any, Any]:
    if args.network == "cnn":
        return cnn(torch), torch.randn(args.batch_size, 1, 28, 28)
    if args.network == "resnet50":
        return resnet50(torch), torch.randn(args.batch_size, 3, 224, 224)
    size = SIZES[args.network]
    if args.sequence > size.context:
        fail(f"--sequence {args.sequence} is above the model's {size.context}")
    return transformer(torch, size), torch.randint(
        size.vocabulary, (args.batch_size, args.sequence)
    )


def _open(
    torch: Any, device: Device, args: Any, model: Any, inputs: Any, dtype: Any
) -> tuple[Run, tuple[str, ...]]:
    """What runs a batch once, and the modules whose versions matter."""
    if args.runtime in ("torch", "compile"):
        model = model.to(device.name, dtype)
        given = inputs.to(device.name)
        given = given.to(dtype) if given.is_floating_point() else given
        stepper = torch.compile(model) if args.runtime == "compile" else model
        return (lambda: stepper(given)), ()
    if args.precision != "fp32":
        fail(f"--runtime {args.runtime} is measured in fp32 here; use --runtime torch")
    if args.runtime == "onnxruntime":
        return _onnxruntime(torch, device, model, inputs), ("onnxruntime", "onnx")
    if args.runtime == "openvino":
        return _openvino(device, args, model, inputs), ("openvino",)
    if args.runtime == "tvm":
        return _tvm(torch, device, model, inputs), ("tvm",)
    return _tensorrt(device, model, inputs), ("tensorrt", "torch_tensorrt")


def _onnx(torch: Any, model: Any, inputs: Any, folder: str) -> Path:
    """The network as an ONNX file; torch's exporter needs onnx and onnxscript."""
    _need("onnx", "onnxruntime"), _need("onnxscript", "onnxruntime")
    path = Path(folder) / "model.onnx"
    torch.onnx.export(model, (inputs,), str(path), dynamo=True, verbose=False)
    return path


def _onnxruntime(torch: Any, device: Device, model: Any, inputs: Any) -> Run:
    runtime = _need("onnxruntime", "onnxruntime")
    wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider",
              "rocm": "ROCMExecutionProvider"}.get(device.kind)  # fmt: skip
    if wanted not in runtime.get_available_providers():
        fail(f"onnxruntime here has no provider for {device.kind}; use --device cpu")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        path = _onnx(torch, model, inputs, folder)
        session = runtime.InferenceSession(str(path), options, providers=[wanted])
    feed = {session.get_inputs()[0].name: inputs.numpy()}
    return lambda: session.run(None, feed)[0]


def _openvino(device: Device, args: Any, model: Any, inputs: Any) -> Run:
    runtime = _need("openvino", "openvino")
    if device.kind != "cpu":
        fail("openvino is measured on CPUs; use --device cpu")
    core = runtime.Core()
    # Without the hint OpenVINO may run in bf16 where the CPU has it.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    if args.threads:
        settings["INFERENCE_NUM_THREADS"] = str(args.threads)
    compiled = core.compile_model(
        runtime.convert_model(model, example_input=inputs), "CPU", settings
    )
    request, given = compiled.create_infer_request(), inputs.numpy()
    return lambda: request.infer([given], share_inputs=True)[0]


def _tvm(torch: Any, device: Device, model: Any, inputs: Any) -> Run:
    tvm = _need("tvm", "apache-tvm")
    if device.kind != "cpu":
        fail("tvm is measured on CPUs; use --device cpu")
    from tvm import relax
    from tvm.relax.frontend.torch import (
        from_exported_program,
    )

    module = from_exported_program(torch.export.export(model, (inputs,)))
    module = relax.transform.DecomposeOpsForInference()(module)
    executable = tvm.compile(relax.get_pipeline("zero")(module), target="llvm")
    machine = relax.VirtualMachine(executable, tvm.cpu())
    given = tvm.runtime.tensor(inputs.numpy())
    return lambda: machine["main"](given)[0].numpy()


def _tensorrt(device: Device, model: Any, inputs: Any) -> Run:
    if device.kind != "cuda":
        fail("tensorrt needs an NVIDIA GPU; use --device cuda")
    trt = _need("torch_tensorrt", "torch-tensorrt")
    given = inputs.to(device.name)
    engine = trt.compile(model.to(device.name), ir="dynamo", inputs=[given])
    return lambda: engine(given)


def _need(module: str, package: str) -> Any:
    try:
        return __import__(module)
    except ImportError:
        fail(f"{module} is not installed; pip install {package}")


def _check(torch: Any, reference: Any, answer: Any, args: Any) -> None:
    found = answer.detach().float().cpu() if torch.is_tensor(answer) else torch.tensor(answer)
    if found.shape != reference.shape:
        fail(
            f"{args.runtime} answers with shape {tuple(found.shape)}, not {tuple(reference.shape)}"
        )
    apart = float((found - reference).abs().max() / reference.std())
    if not apart < TOLERANCE[args.precision]:
        fail(f"{args.runtime} answers differently: off by {apart:.3g} standard deviations")


if __name__ == "__main__":
    main()
