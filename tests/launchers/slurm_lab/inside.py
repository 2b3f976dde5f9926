"""The lab's first process: lays private files over the machine's, starts the daemons, and stays.

Runs in namespaces of its own (see the package); says ``ready`` on stdout.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import sysconfig
import textwrap
import time
from pathlib import Path

from tests.launchers.slurm_lab import (
    CLUSTER,
    FOLDER,
    HOME,
    ROOT,
    START_TIMEOUT_S,
    SYSTEM_PATH,
)

NODE_NAME = "lab-node"
NODE_HOME = FOLDER / "node"
NODE_BIN = FOLDER / "bin"
SSH = FOLDER / "ssh"
SSH_PORT = 2222
SLURM_CONF = Path("/etc/slurm/slurm.conf")
# Everything the daemons write, and everything of the machine's that could be mistaken for ours.
PRIVATE = ("/tmp", "/run", "/etc/slurm", "/etc/munge", "/var/lib/munge", "/var/log/munge")
# The checkout and its environment, wherever they are.
KEPT = (ROOT, Path(sys.prefix))
UV_STAND_IN = Path(__file__).with_name("uv_stand_in.sh")


def main() -> None:
    in_sight = [os.open(folder, os.O_PATH) for folder in KEPT]
    for folder in PRIVATE:
        call("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    Path("/tmp").chmod(0o1777)
    for folder, handle in zip(KEPT, in_sight, strict=True):
        if not folder.exists():  # it lies under one of them
            folder.mkdir(parents=True)
            # Not by its name, which is empty by now.
            call("mount", "-c", "--bind", f"/proc/{os.getpid()}/fd/{handle}", str(folder))
        os.close(handle)
    for folder in (HOME, NODE_HOME, NODE_BIN, SSH, FOLDER / "etc"):
        folder.mkdir(parents=True)
    name_machine()
    node_account()
    client_account()
    for command in (munged, sshd, slurmctld, slurmd):
        command()
    wait_for_node()
    print("ready", flush=True)
    while True:  # the first process adopts those whose parents ended
        os.wait()


def call(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def over(path: str, text: str) -> None:
    """Lay a file of this text over one of the machine's."""
    ours = FOLDER / "etc" / Path(path).name
    ours.write_text(text)
    call("mount", "--bind", str(ours), path)


def name_machine() -> None:
    call("ip", "link", "set", "lo", "up")
    # Slurm resolves names only where there is another address than 127.0.0.1 (AI_ADDRCONFIG).
    call("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
    socket.sethostname(NODE_NAME)
    over("/etc/hosts", f"127.0.0.1 localhost {NODE_NAME}\n")


def node_account() -> None:
    """The account on the cluster: root, with another home than the machine's."""
    lines = Path("/etc/passwd").read_text().splitlines()
    others = [line for line in lines if not line.startswith("root:")]
    root = f"root:x:0:0:root:{NODE_HOME}:/bin/bash"
    over("/etc/passwd", "\n".join((root, *others, "")))
    system_python = Path(sys._base_executable).resolve()
    (NODE_BIN / "python3").symlink_to(system_python)
    # On the node, the system's Python has what the tests' environment has, torch above all.
    where = "import site; print(site.getsitepackages()[0])"
    ours = sysconfig.get_path("purelib")
    packages = FOLDER / "packages"
    packages.mkdir()
    (packages / "lab.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    call("mount", "--bind", str(packages), call(str(system_python), "-I", "-c", where).strip())
    # SkyPilot asks astral.sh for uv's installer.
    curl = NODE_BIN / "curl"
    curl.write_text(
        f'#!/bin/sh\necho \'mkdir -p "$UV_INSTALL_DIR" && cp {UV_STAND_IN} "$UV_INSTALL_DIR/uv"\'\n'
    )
    curl.chmod(0o755)
    (NODE_HOME / ".bash_profile").write_text(
        f"export PATH={NODE_BIN}:{SYSTEM_PATH} LAB_PACKAGES={ours}\n"
    )


def client_account() -> None:
    """What SkyPilot reads of the cluster, and the key that lets it in."""
    for name in ("host_key", "client_key"):
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(SSH / name))
    authorized = NODE_HOME / ".ssh" / "authorized_keys"
    authorized.parent.mkdir(mode=0o700)
    authorized.write_text((SSH / "client_key.pub").read_text())
    authorized.chmod(0o600)
    (HOME / ".slurm").mkdir()
    (HOME / ".slurm" / "config").write_text(
        textwrap.dedent(f"""\
            Host {CLUSTER}
                HostName 127.0.0.1
                Port {SSH_PORT}
                User root
                IdentityFile {SSH / "client_key"}
                IdentitiesOnly yes
            """)
    )


def munged() -> None:
    key = Path("/etc/munge/munge.key")
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    Path("/run/munge").mkdir(mode=0o755)
    for folder in ("/etc/munge", "/var/lib/munge", "/var/log/munge"):
        Path(folder).chmod(0o700)
    call("munged")


def sshd() -> None:
    Path("/run/sshd").mkdir(mode=0o755)
    config = SSH / "sshd_config"
    config.write_text(
        textwrap.dedent(f"""\
            Port {SSH_PORT}
            ListenAddress 127.0.0.1
            HostKey {SSH / "host_key"}
            PidFile {SSH / "sshd.pid"}
            AllowUsers root
            PermitRootLogin prohibit-password
            PasswordAuthentication no
            UsePAM no
            MaxSessions 200
            MaxStartups 100
            AcceptEnv LANG LC_* SKYPILOT_*
            Subsystem sftp internal-sftp
            """)
    )
    call("/usr/sbin/sshd", "-f", str(config), "-E", str(SSH / "log"))


def slurmctld() -> None:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    size = f"CPUs={os.cpu_count()} RealMemory={int(memory_bytes / 2**20 * 0.9)}"
    SLURM_CONF.write_text(
        textwrap.dedent(f"""\
            ClusterName={CLUSTER}
            SlurmctldHost={NODE_NAME}(127.0.0.1)
            SlurmUser=root
            AuthType=auth/munge
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            MpiDefault=none
            ReturnToService=2
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU
            KillWait=5
            StateSaveLocation={FOLDER}/slurm/state
            SlurmdSpoolDir={FOLDER}/slurm/spool
            SlurmctldLogFile={FOLDER}/slurm/slurmctld.log
            SlurmdLogFile={FOLDER}/slurm/slurmd.log
            SlurmctldPidFile=/run/slurmctld.pid
            SlurmdPidFile=/run/slurmd.pid
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            NodeName={NODE_NAME} NodeAddr=127.0.0.1 {size} State=UNKNOWN
            PartitionName=debug Nodes={NODE_NAME} Default=YES MaxTime=INFINITE State=UP
            """)
    )
    for folder in ("state", "spool"):
        (FOLDER / "slurm" / folder).mkdir(parents=True)
    call("slurmctld")


def slurmd() -> None:
    call("slurmd")


def wait_for_node() -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end_s:
        asked = subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True)
        if asked.stdout.strip() == "idle":
            return
        time.sleep(0.1)
    logs = [path.read_text() for path in (FOLDER / "slurm").glob("*.log")]
    raise SystemExit(f"the node did not become idle: {asked.stdout}{asked.stderr}\n{logs}")


main()
