"""Generates tokens with vLLM on random weights and prompts: output tokens/s, TTFT and TPOT.

vLLM's own continuous batching; ``--requests`` prompts are handed over together.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from launchers.benchmarks.programs.common import (
    checked,
    fail,
    finish,
    import_torch,
    open_device,
    parser,
    say,
)
from launchers.benchmarks.programs.meters import Meter
from launchers.benchmarks.programs.networks import SIZES


def main(argv: list[str] | None = None) -> None:
    wanted = parser(__doc__ or "", batch_size=64)
    wanted.add_argument("--size", choices=sorted(SIZES), default="gpt2-xl")
    wanted.add_argument("--input-length", type=int, default=512, help="prompt tokens")
    wanted.add_argument("--output-length", type=int, default=128, help="tokens to generate")
    wanted.add_argument("--tensor-parallel", type=int, default=1, help="GPUs a replica")
    wanted.set_defaults(precision="bf16", steps=3, warmup_steps=1)
    args = checked(wanted.parse_args(argv))
    size = SIZES[args.size]
    if args.input_length + args.output_length > size.context:
        fail(f"prompt and output are above the model's {size.context} tokens")
    torch = import_torch(args)
    try:
        import vllm as engine
    except ImportError:
        fail("vllm is not installed; pip install vllm")
    device = open_device(torch, args.device, args.threads, args.seed)
    meter = Meter(device.kind)
    meter.start()
    kinds = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
    config = {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_layer": size.layers,
        "n_embd": size.hidden, "n_head": size.heads, "vocab_size": size.vocabulary,
        "n_positions": size.context, "n_ctx": size.context,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        model = engine.LLM(
            folder,
            load_format="dummy",
            skip_tokenizer_init=True,
            dtype=kinds[args.precision],
            tensor_parallel_size=args.tensor_parallel,
            seed=args.seed,
        )
    prompts = torch.randint(size.vocabulary, (args.batch_size, args.input_length)).tolist()
    sampling = engine.SamplingParams(
        max_tokens=args.output_length, ignore_eos=True, detokenize=False
    )
    seconds: list[float] = []
    for number in range(args.warmup_steps + args.steps):
        start = time.perf_counter()
        model.generate([{"prompt_token_ids": one} for one in prompts], sampling, use_tqdm=False)
        spent = time.perf_counter() - start
        if number >= args.warmup_steps:
            seconds.append(spent)
            say(f"run {len(seconds)}/{args.steps} {spent:.3g} s")
        if sum(seconds) > args.max_seconds:
            break
    tokens = args.batch_size * args.output_length / args.tensor_parallel
    finish(
        torch,
        device,
        meter,
        args,
        benchmark="vllm",
        model=size.name,
        task="infer_batch",
        metric="tokens_per_s_per_device",
        rates=[tokens / second for second in seconds],
        step_seconds=seconds,
        data={"kind": "random tokens and weights"},
        modules=("vllm",),
        ranks=args.tensor_parallel,
    )


if __name__ == "__main__":
    main()
