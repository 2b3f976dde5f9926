"""Where a benchmark runs, as the user writes it after ``--on``.

local                                        this machine
skypilot:aws/us-east-1,accelerators=L4:1     a cloud, region or cluster SkyPilot knows, and
skypilot:k8s,cpus=4+,spot                    what to ask of it
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from launchers.errors import LaunchRefused

FORMS = (
    "use `local` or `skypilot:INFRA[,accelerators=L4:1][,instance=TYPE][,cpus=4+][,memory=16+]"
    "[,nodes=2][,spot]` with INFRA as in aws/us-east-1, gcp, k8s, slurm/lab or ssh/pool"
)
# SkyPilot's names of infrastructure that nobody bills by the hour.
UNBILLED = frozenset({"k8s", "kubernetes", "slurm", "ssh"})
FIELDS = {
    "instance": "instance_type",
    "accelerators": "accelerators",
    "cpus": "cpus",
    "memory": "memory",
}


@dataclass(frozen=True, slots=True)
class SkyTarget:
    """What to ask of SkyPilot. ``accelerators`` is ``NAME:COUNT``; empty text asks for nothing;
    ``memory`` is in GB, ``cpus`` in vCPUs, both as SkyPilot writes them (``4+``)."""

    text: str
    infra: str
    accelerators: str = ""
    instance_type: str = ""
    cpus: str = ""
    memory: str = ""
    spot: bool = False
    nodes: int = 1

    @property
    def cloud(self) -> str:
        return self.infra.split("/")[0].lower()

    @property
    def region(self) -> str:
        parts = self.infra.split("/")
        return parts[1] if len(parts) > 1 and parts[1] != "*" else ""

    @property
    def is_billed(self) -> bool:
        return self.cloud not in UNBILLED

    @property
    def accelerator(self) -> tuple[str, int]:
        """Name and count; an empty name for a CPU machine."""
        name, _, count = self.accelerators.partition(":")
        return name, int(count or 1) if name else 0


def parse_target(text: str) -> SkyTarget | None:
    """None for ``local``. Raises LaunchRefused with what would be right."""
    if text == "local":
        return None
    kind, _, rest = text.partition(":")
    infra, *options = rest.split(",")
    if kind != "skypilot" or not re.fullmatch(r"[\w*][\w.*-]*(/[\w.*@:-]+){0,2}", infra):
        raise LaunchRefused(f"{text!r} is not a target", where="--on", remedy=FORMS)
    values: dict[str, str] = {}
    spot, nodes = False, 1
    for option in options:
        name, _, value = option.partition("=")
        if option == "spot":
            spot = True
        elif name == "nodes" and re.fullmatch(r"[1-9]\d{0,3}", value):
            nodes = int(value)
        elif name in FIELDS and value:
            values[FIELDS[name]] = value
        else:
            raise LaunchRefused(f"{option!r} is not understood", where="--on", remedy=FORMS)
    if not re.fullmatch(r"(?:[\w.-]+(?::[1-9]\d*)?)?", values.get("accelerators", "")):
        raise LaunchRefused(
            f"accelerators={values['accelerators']!r} is not NAME:COUNT", where="--on", remedy=FORMS
        )
    for name in ("cpus", "memory"):
        if not re.fullmatch(r"(?:\d+(?:\.\d+)?\+?)?", values.get(name, "")):
            raise LaunchRefused(f"{name}={values[name]!r}", where="--on", remedy=FORMS)
    return SkyTarget(text=text, infra=infra, spot=spot, nodes=nodes, **values)
