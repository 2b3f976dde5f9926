"""Command lines that start one program as several processes on several nodes.

Each makes bash lines that find the nodes in what SkyPilot (``SKYPILOT_NODE_IPS``, ``_NODE_RANK``,
``_NUM_NODES``) or Slurm (``SLURM_JOB_NODELIST``, ``_NODEID``) tells a node, so that the same text
runs on every node; elsewhere ``NODE_IPS`` and ``NODE_RANK`` are asked for. The benchmarks
read RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT
(``launchers/benchmarks/programs/ranks.py``): torchrun, DeepSpeed and Ray Train set them;
srun and Horovod have names of their own, which are translated.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from launchers.errors import LaunchRefused

# torchrun's own default; Ray's is 6379.
MASTER_PORT = 29500
RAY_PORT = 6379
SSH_OPTIONS = "-o StrictHostKeyChecking=no"


class Cluster(StrEnum):
    """Who tells a process which nodes there are."""

    LOCAL = "local"
    SKYPILOT = "skypilot"
    SLURM = "slurm"
    ANY = "any"  # of these, whichever the script finds itself on


@dataclass(frozen=True, slots=True)
class Ranks:
    """``nodes`` machines with ``per_node`` processes each."""

    nodes: int = 1
    per_node: int = 1

    @property
    def world(self) -> int:
        return self.nodes * self.per_node


# head: address of the first node; node_rank: of this node; node_ips: one address a line.
_FOUND = {
    Cluster.LOCAL: "head=127.0.0.1\nnode_rank=0\nnode_ips=127.0.0.1",
    Cluster.SKYPILOT: (
        'node_ips="$SKYPILOT_NODE_IPS"\n'
        'head="$(printf "%s\\n" "$node_ips" | head -n 1)"\n'
        'node_rank="$SKYPILOT_NODE_RANK"'
    ),
    Cluster.SLURM: (
        'node_ips="$(scontrol show hostnames "$SLURM_JOB_NODELIST")"\n'
        'head="$(printf "%s\\n" "$node_ips" | head -n 1)"\n'
        'node_rank="${SLURM_NODEID:-0}"'
    ),
}
# A pod of an indexed Kubernetes Job has its rank in JOB_COMPLETION_INDEX.
_GIVEN = (
    'node_ips="${NODE_IPS:?is one address a line, of all nodes, the first one first}"\n'
    'head="$(printf "%s\\n" "$node_ips" | head -n 1)"\n'
    'node_rank="${NODE_RANK:-${JOB_COMPLETION_INDEX:?or NODE_RANK is the number of this node}}"'
)


def _found(cluster: Cluster, ranks: Ranks) -> str:
    if cluster is not Cluster.ANY:
        return _FOUND[cluster]
    if ranks.nodes == 1:
        return _FOUND[Cluster.LOCAL]
    sky, slurm = _FOUND[Cluster.SKYPILOT], _FOUND[Cluster.SLURM]
    return (
        f'if [ -n "${{SKYPILOT_NODE_IPS:-}}" ]; then\n{sky}\n'
        f'elif [ -n "${{SLURM_JOB_NODELIST:-}}" ]; then\n{slurm}\n'
        f"else\n{_GIVEN}\nfi"
    )


Line = Callable[[str, Ranks, str], str]


@dataclass(frozen=True, slots=True)
class Template:
    """One way. ``needs`` is the package on the nodes; ``once`` says that the command runs on the
    first node only and reaches the others by itself."""

    name: str
    needs: str
    once: bool
    _line: Line

    def command(
        self, words: Sequence[str], ranks: Ranks, cluster: Cluster, python: str = "python3"
    ) -> str:
        """Bash lines. ``python`` is a word of the shell (``"$p"``), ``words`` are quoted here.

        Raises LaunchRefused for a world that the way cannot start.
        """
        if ranks.nodes < 1 or ranks.per_node < 1:
            raise LaunchRefused("needs at least one process", where=self.name, remedy="say ranks=1")
        if cluster is Cluster.LOCAL and ranks.nodes > 1:
            raise LaunchRefused(
                f"{ranks.nodes} nodes are not this machine",
                where=self.name,
                remedy="use --on skypilot:...,nodes=N",
            )
        line = self._line(shlex.join(words), ranks, python)
        lines = ["set -e", _found(cluster, ranks), line]
        if self.once and ranks.nodes > 1:
            lines[-1] = f'if [ "$node_rank" = 0 ]; then\n{line}\nfi'
        return "\n".join(lines)


def _torchrun(words: str, ranks: Ranks, python: str) -> str:
    """https://docs.pytorch.org/docs/stable/elastic/run.html"""
    if ranks.nodes == 1:
        local = f"--standalone --nproc-per-node={ranks.per_node}"
        return f"{python} -m torch.distributed.run {local} {words}"
    # Static rendezvous: the head listens, each node says its rank; elastic restarts would measure
    # two worlds as one.
    return (
        f"{python} -m torch.distributed.run --nnodes={ranks.nodes} "
        f"--nproc-per-node={ranks.per_node} "
        f'--node-rank="$node_rank" --master-addr="$head" --master-port={MASTER_PORT} '
        f"--max-restarts=0 {words}"
    )


# Two runs on one machine would meet at a fixed one.
_FREE_PORT = "import socket; s = socket.socket(); s.bind(('', 0)); print(s.getsockname()[1])"


def _deepspeed(words: str, ranks: Ranks, python: str) -> str:
    """https://www.deepspeed.ai/getting-started/#launching-deepspeed-training: a hostfile, and
    --no_ssh, so that each node starts its own processes."""
    # Or it adds --local_rank to the program's own arguments, beside LOCAL_RANK.
    runner = f"{python} -m deepspeed.launcher.runner --no_local_rank"
    if ranks.nodes == 1:
        return (
            f'port="$({python} -c {shlex.quote(_FREE_PORT)})"\n'
            f'{runner} --num_gpus={ranks.per_node} --master_port="$port" {words}'
        )
    return (
        'hosts="$(mktemp)"\n'
        f'for ip in $node_ips; do echo "$ip slots={ranks.per_node}"; done > "$hosts"\n'
        f'{runner} --hostfile="$hosts" --no_ssh --node_rank="$node_rank" '
        f'--num_nodes={ranks.nodes} --num_gpus={ranks.per_node} --master_addr="$head" '
        f"--master_port={MASTER_PORT} {words}"
    )


# Ray Train sets RANK and the others in each worker, and enters the process group; the program
# runs there as __main__, in a folder of Ray's, which is why its own is named in full.
_RAY_DRIVER = """
import os, runpy, sys
import ray
from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer
address, workers, gpu, program, *rest = sys.argv[1:]
argv = [os.path.abspath(program), *rest]
ray.init(address=address or None)
def work():
    sys.argv = argv
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"{program} ended with {end.code}")
scaling = ScalingConfig(num_workers=int(workers), use_gpu=gpu == "gpu")
TorchTrainer(work, scaling_config=scaling).fit()
""".strip()


def _ray_train(words: str, ranks: Ranks, python: str) -> str:
    """https://docs.ray.io/en/latest/train/getting-started-pytorch.html: the head starts Ray, the
    others join it, the head drives and stops it."""
    gpu = '"$(command -v nvidia-smi >/dev/null 2>&1 && echo gpu || echo cpu)"'
    driver = f"{python} -u -c {shlex.quote(_RAY_DRIVER)}"
    if ranks.nodes == 1:
        return f'{driver} "" {ranks.world} {gpu} {words}'
    ray = f"{python} -m ray.scripts.scripts"
    return (
        'if [ "$node_rank" = 0 ]; then\n'
        f'{ray} start --head --node-ip-address="$head" --port={RAY_PORT}\n'
        f"trap '{ray} stop' EXIT\n"
        f'until [ "$({python} -c "import ray; ray.init(\\"$head:{RAY_PORT}\\"); '
        f'print(len(ray.nodes()))" 2>/dev/null)" = {ranks.nodes} ]; do sleep 1; done\n'
        f'{driver} "$head:{RAY_PORT}" {ranks.world} {gpu} {words}\n'
        "else\n"
        f'until {ray} start --address="$head:{RAY_PORT}" --block; do sleep 1; done\n'
        "fi"
    )


def _horovod(words: str, ranks: Ranks, python: str) -> str:
    """https://horovod.readthedocs.io/en/stable/running_include.html. Horovod's last release is of
    2023: this is the command, nothing here runs it."""
    hosts = f'"localhost:{ranks.per_node}"'
    if ranks.nodes > 1:
        hosts = f'"$(for ip in $node_ips; do printf \'%s:{ranks.per_node},\' "$ip"; done)"'
    translated = _translated(words, python, "HOROVOD_RANK", "HOROVOD_LOCAL_RANK", "HOROVOD_SIZE")
    run = f'horovodrun -np {ranks.world} -H "${{hosts%,}}" {translated}'
    return f"hosts={hosts}\nexport head\n{run}"


def _srun(words: str, ranks: Ranks, python: str) -> str:
    """https://slurm.schedmd.com/srun.html, inside an allocation (sbatch or salloc)."""
    translated = _translated(words, python, "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS")
    return (
        f"export head\nsrun --kill-on-bad-exit=1 --nodes={ranks.nodes} --ntasks={ranks.world} "
        f"--ntasks-per-node={ranks.per_node} {translated}"
    )


def _translated(words: str, python: str, rank: str, local: str, world: str) -> str:
    """A shell in each process that gives its rank the names that torch reads."""
    inner = (
        f'RANK="${rank}" LOCAL_RANK="${local}" WORLD_SIZE="${world}" MASTER_ADDR="$head" '
        f'MASTER_PORT={MASTER_PORT} exec "$0" -u {words}'
    )
    return f"bash -c {shlex.quote(inner)} {python}"


TEMPLATES = {
    template.name: template
    for template in (
        Template("torchrun", "torch", False, _torchrun),
        Template("deepspeed", "deepspeed", False, _deepspeed),
        Template("ray-train", "ray[train]", False, _ray_train),
        Template("horovod", "horovod", True, _horovod),
        Template("srun", "slurm", True, _srun),
    )
}


def find_template(name: str) -> Template:
    """By name. Raises LaunchRefused naming the known ones."""
    if name not in TEMPLATES:
        raise LaunchRefused(
            f"unknown launch template {name!r}",
            where="--template",
            remedy=f"use one of {', '.join(TEMPLATES)}",
        )
    return TEMPLATES[name]
