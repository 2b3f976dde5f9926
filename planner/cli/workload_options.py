"""The workload on a command line: a file, flags, or a file with flags laid over it.

``with_workload`` gives a command the options of this table and hands it what was said.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from catalog.records import dataclass


@dataclass(frozen=True)
class Given:
    """What the user said: a file's name (``-`` is stdin), fields, and fields of ``where``."""

    file: str | None
    fields: dict[str, Any]
    place: dict[str, Any]


@dataclass(frozen=True)
class Flag:
    """One option. ``target`` is the field it replaces; empty for what says the kind alone."""

    name: str
    target: str
    help: str
    type: Any = str
    metavar: str | None = None

    def parameter(self) -> inspect.Parameter:
        from planner.actions.workload_flags import option

        is_switch = self.type is bool
        info = typer.Option(option(self.name), help=self.help, metavar=self.metavar)
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if is_switch else None,
            annotation=Annotated[bool if is_switch else self.type | None, info],
        )


FLAGS = (
    Flag("kind", "", "Kind of work, where no other flag says it."),
    Flag("finetune", "method", "Fine-tune: full, lora or qlora.", metavar="METHOD"),
    Flag("pretrain", "", "Pre-train the model.", bool),
    Flag("serve", "", "Serve the model at a --rate.", bool),
    Flag("batch", "", "Run the model over a finite set of inputs.", bool),
    Flag("edge", "", "Run the model beside cameras or sensors, at --fps.", bool),
    Flag("name", "name", "What to call it."),
    Flag("model", "model", "Model name, e.g. llama-3.1-8b, or parameter count, e.g. 7B."),
    Flag("model_profile", "model.profile", "File that `planner trace` wrote.", metavar="FILE"),
    Flag("tokens", "tokens", "Tokens in total, e.g. 50M (batch: prompt tokens)."),
    Flag("samples", "samples", "Samples: images to train on, requests of a batch."),
    Flag("images", "samples", "Images to run inference on, e.g. 1M."),
    Flag("epochs", "epochs", "Passes over the images."),
    Flag("batch_size", "batch_size", "Images per step or pass."),
    Flag("batch_tokens", "batch_tokens", "Tokens per optimizer step."),
    Flag("sequence_length", "sequence_length", "Tokens a sequence."),
    Flag("lora_rank", "lora_rank", "Rank of the adapters."),
    Flag("image_size", "image_size", "Pixels a side."),
    Flag("rate", "requests_per_second", "Requests or images a second, e.g. 10/s."),
    Flag("input_length", "input_length", "Prompt tokens of a request."),
    Flag("output_length", "output_length", "Generated tokens of a request."),
    Flag("ttft_p95", "ttft_p95", "Time to first token, e.g. 1s."),
    Flag("tpot_p95", "tpot_p95", "Time per output token, e.g. 50ms."),
    Flag("latency_p95", "latency_p95", "Latency of an image or frame, e.g. 20ms."),
    Flag("prefix_cache_hit", "prefix_cache_hit", "Share of prompt tokens cached, e.g. 30%."),
    Flag("fps", "frames_per_second", "Frames a second of one stream."),
    Flag("streams", "streams", "Cameras or sensors in the fleet."),
    Flag("power", "power", "Most one edge device may draw, e.g. 15W."),
    Flag("flops", "flops", "Floating-point operations in total, e.g. 3e21 (kind generic)."),
    Flag("bytes", "bytes", "Device memory traffic in total, e.g. 40PB."),
    Flag("memory", "memory", "Working set over all devices, e.g. 900GiB."),
    Flag("precision", "precision", "fp64, fp32, tf32, fp16, bf16, fp8, int8, int4 or fp4."),
    Flag("framework", "framework", "Software that runs it, e.g. pytorch, vllm."),
    Flag("deadline", "deadline", "Time it may take, e.g. 24h."),
    Flag("horizon", "horizon", "How long a service is paid for, e.g. 30d."),
    Flag("budget", "budget", "Most it may cost, e.g. 500USD."),
    Flag("risk", "risk", "Probability with which limits must hold, 0.5 to 0.99.", float),
    Flag("data_at", "data.at", "Where the input lies, e.g. aws/us-east-1."),
    Flag("input_data", "data.input", "Data read once, e.g. 2TB."),
    Flag("cloud", "where.clouds", "Cloud allowed; repeatable.", list[str]),
    Flag("region", "where.regions", "Region allowed; repeatable.", list[str]),
    Flag("residency", "where.residency", "Jurisdiction, e.g. eu, us, gov; repeatable.", list[str]),
    Flag("accelerator", "where.accelerators", "Accelerator, or cpu; repeatable.", list[str]),
    Flag("instance_type", "where.instance_types", "Instance type allowed; repeatable.", list[str]),
    Flag("purchase", "where.purchase", "on_demand, spot, ...; repeatable.", list[str]),
    Flag("platform", "where.platforms", "vm, sagemaker, vertex-ai, azure-ml.", list[str]),
    Flag("exclude", "where.exclude", "Candidate not to use, by id; repeatable.", list[str]),
    Flag("quota", "where.quotas", "e.g. 'aws/P on-demand=192'.", list[str], "CLASS=LIMIT"),
    Flag("credit", "where.credits", "e.g. aws=5000.", list[str], "CLOUD=USD"),
    Flag("on_prem", "where.on_prem", "e.g. 'DGX H100:2', or a YAML file.", list[str], "SYSTEM[:N]"),
    Flag("no_cloud", "where.cloud_offers", "Own machines only.", bool),
    Flag("max_nodes", "where.max_nodes", "Largest number of machines.", int),
    Flag("max_types", "where.max_types", "Most kinds of accelerator in a mix.", int),
    Flag("spread", "where.spread", "Places of a mix, e.g. zone:2, cloud:2:60%.", str, "OVER:N[:%]"),
    Flag("max_spot_share", "where.max_spot_share", "Largest share on spot, e.g. 50%."),
)
TARGETS: Mapping[str, str] = {flag.name: flag.target for flag in FLAGS}
_FILE = inspect.Parameter(
    "file",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        str | None,
        typer.Argument(metavar="[WORKLOAD.yaml]", help="Workload file, or - for stdin."),
    ],
)


def with_workload(command: Callable[..., int]) -> Callable[..., int]:
    """Give ``command`` the file argument and the flags above, handed over as ``given=Given``.

    An option of the command's own takes the place of the flag of that name.
    """
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.name != "given"
    ]
    return _taking(command, own, FLAGS)


def narrowed(command: Callable[..., int], arguments: Sequence[str]) -> Callable[..., int]:
    """A command made by ``with_workload`` with those flags alone that ``arguments`` mention.

    Typer makes a validator for each flag of a command, given or not: half a millisecond each.
    Where an option is unknown, or help is asked for, all flags stay: what is said names them.
    """
    own: list[inspect.Parameter] | None = getattr(command, "own_parameters", None)
    if own is None:
        return command
    from planner.actions.workload_flags import option

    said = {text.partition("=")[0] for text in arguments if text.startswith("-") and text != "-"}
    flags = {option(flag.name): flag for flag in FLAGS}
    if not said <= {*flags, *(option(parameter.name) for parameter in own)}:
        return command
    inner: Callable[..., int] = command.__wrapped__  # type: ignore[attr-defined]
    return _taking(inner, own, [flag for name, flag in flags.items() if name in said])


def _taking(
    command: Callable[..., int], own: list[inspect.Parameter], flags: Sequence[Flag]
) -> Callable[..., int]:
    flags = [flag for flag in flags if flag.name not in {one.name for one in own}]

    @functools.wraps(command)
    def wrapper(**values: Any) -> int:
        from planner.actions.workload_flags import fields_of

        file = values.pop("file")
        said = {flag.name: values.pop(flag.name) for flag in flags}
        fields, place = fields_of(said, TARGETS, has_file=file is not None)
        return command(given=Given(file, fields, place), **values)

    parameters = [_FILE, *(flag.parameter() for flag in flags), *own]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    wrapper.own_parameters = own  # type: ignore[attr-defined]
    return wrapper
