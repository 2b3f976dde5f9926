"""Launch templates: what the shell makes of them, and torchrun with two ranks for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from catalog import Catalog
from launchers.errors import LaunchRefused
from launchers.templates import TEMPLATES, Cluster, Ranks, find_template
from planner.actions.calibration.run import CalibrationOptions, run_calibration

# Stand-ins that say what they were called with; one word a line, so that quoting is seen.
STUB = '#!/bin/bash\nprintf "%s\\n" "${0##*/}" "$@"\n'
WORDS = ["bench.py", "--name", "two words", "$HOME;'"]


def run(lines: str, folder: Path, **environment: str) -> list[str]:
    for name in ("python3", "srun", "horovodrun"):
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    (folder / "scontrol").write_text("#!/bin/bash\nprintf 'n0\\nn1\\n'\n")
    (folder / "scontrol").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", lines],
        capture_output=True,
        text=True,
        timeout=20,
        env={"PATH": f"{folder}:{os.environ['PATH']}", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def sky(rank: int) -> dict[str, str]:
    return {"SKYPILOT_NODE_IPS": "10.0.0.1\n10.0.0.2", "SKYPILOT_NODE_RANK": str(rank)}


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("cluster", list(Cluster))
@pytest.mark.parametrize("nodes", [1, 2])
def test_bash_can_read_them(name: str, cluster: Cluster, nodes: int) -> None:
    if cluster is Cluster.LOCAL and nodes > 1:
        with pytest.raises(LaunchRefused, match="not this machine"):
            TEMPLATES[name].command(WORDS, Ranks(nodes, 4), cluster)
        return
    lines = TEMPLATES[name].command(WORDS, Ranks(nodes, 4), cluster, '"$p"')
    done = subprocess.run(["bash", "-n"], input=lines, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("rank", [0, 1])
def test_torchrun_meets_at_the_first_node(tmp_path: Path, rank: int) -> None:
    lines = TEMPLATES["torchrun"].command(WORDS, Ranks(2, 8), Cluster.SKYPILOT)
    said = run(lines, tmp_path, **sky(rank))
    assert {"--nnodes=2", "--nproc-per-node=8", f"--node-rank={rank}"} <= set(said)
    assert "--master-addr=10.0.0.1" in said
    assert said[-4:] == WORDS


def test_deepspeed_names_both_nodes(tmp_path: Path) -> None:
    lines = TEMPLATES["deepspeed"].command(WORDS, Ranks(2, 8), Cluster.SKYPILOT)
    said = run(f"{lines}\ncat $hosts", tmp_path, **sky(1))
    assert {"--no_ssh", "--node_rank=1", "--num_gpus=8", "--master_addr=10.0.0.1"} <= set(said)
    assert said[-2:] == ["10.0.0.1 slots=8", "10.0.0.2 slots=8"]


def test_horovod_and_srun_start_on_the_first_node_only(tmp_path: Path) -> None:
    horovod = TEMPLATES["horovod"].command(WORDS, Ranks(2, 4), Cluster.SKYPILOT)
    said = run(horovod, tmp_path, **sky(0))
    assert said[:5] == ["horovodrun", "-np", "8", "-H", "10.0.0.1:4,10.0.0.2:4"]
    assert run(horovod, tmp_path, **sky(1)) == []
    srun = TEMPLATES["srun"].command(WORDS, Ranks(2, 4), Cluster.SLURM)
    said = run(srun, tmp_path, SLURM_JOB_NODELIST="n[0-1]", SLURM_NODEID="0")
    assert {"--nodes=2", "--ntasks=8", "--ntasks-per-node=4"} <= set(said)


def test_srun_gives_each_process_its_rank(tmp_path: Path) -> None:
    srun = TEMPLATES["srun"].command(["x.py"], Ranks(1, 2), Cluster.SLURM, sys.executable)
    run(srun, tmp_path, SLURM_JOB_NODELIST="n0")  # makes the stand-ins
    # In place of Slurm: drop its options and run the command as task 1 of 2.
    (tmp_path / "srun").write_text(
        "#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\n"
        'SLURM_PROCID=1 SLURM_LOCALID=1 SLURM_NTASKS=2 exec "$@"\n'
    )
    (tmp_path / "x.py").write_text(
        "import os\nprint(*(os.environ[n] for n in "
        "('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR')))\n"
    )
    done = subprocess.run(
        ["bash", "-c", srun],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_NODELIST": "n0"},
    )
    assert done.stdout == "1 1 2 n0\n", done.stderr


def test_torchrun_for_real(tmp_path: Path) -> None:
    """Two ranks add their numbers over gloo."""
    pytest.importorskip("torch")
    (tmp_path / "add.py").write_text(
        "import os\nimport torch, torch.distributed as group\ngroup.init_process_group('gloo')\n"
        "x = torch.tensor([group.get_rank() + 1])\ngroup.all_reduce(x)\n"
        "line = f'sum {x.item()} of {group.get_world_size()}\\n'\n"
        "os.write(1, line.encode())  # in one piece: the other rank writes too\n"
        "group.destroy_process_group()\n"
    )
    lines = TEMPLATES["torchrun"].command(["add.py"], Ranks(1, 2), Cluster.LOCAL, sys.executable)
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", lines], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.stdout.splitlines().count("sum 3 of 2") == 2, done.stderr


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "needs"), [("deepspeed", "deepspeed"), ("ray-train", "ray.train.torch")]
)
def test_a_benchmark_with_two_ranks_for_real(name: str, needs: str, catalog: Catalog) -> None:
    """The whole command, as a user says it: all-reduces between two processes over gloo."""
    # ImportError: Ray without its extra is there, but not importable.
    pytest.importorskip(
        needs, reason="pip install 'ai-capacity-planner[distributed]'", exc_type=ImportError
    )
    options = CalibrationOptions(
        settings={"largest-mib": "1", "device": "cpu"}, template=name, ranks=2
    )
    said: list[str] = []
    outcome = run_calibration(
        "collectives", "local", options, lambda _: True, said.append, catalog=catalog
    )
    assert outcome.document["ranks"] == 2, "\n".join(said)
    assert outcome.own.observation.model == "all-reduce-gloo"
    assert (outcome.own.observation.value or 0.0) > 0


def test_unknown_templates_are_named() -> None:
    with pytest.raises(LaunchRefused, match="torchrun, deepspeed"):
        find_template("mpi")
