"""Where a finished run's figures go besides the planner's own store: Prometheus and W&B.

They get what the result document holds: the value measured and the utilisation samples. A run whose
figures cannot be handed on was measured all the same: that is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from launchers.exporters import prometheus, wandb


@dataclass(frozen=True, slots=True)
class Exporters:
    """``prometheus`` is a file or a Pushgateway's URL, ``wandb`` a project; empty for neither."""

    prometheus: str = ""
    wandb: str = ""

    @classmethod
    def of(cls, prometheus_to: str, wandb_project: str) -> Exporters:
        """Checked before anything is measured. Raises LaunchRefused."""
        if prometheus_to:
            prometheus.check(prometheus_to)
        if wandb_project:
            wandb.check()
        return cls(prometheus_to, wandb_project)

    def export(self, run_id: str, target: str, document: Mapping[str, Any]) -> list[str]:
        """Hand the figures on; returns what went wrong, with the remedy."""
        problems = []
        if self.prometheus:
            problems.append(prometheus.export(self.prometheus, run_id, target, document))
        if self.wandb:
            problems.append(wandb.export(self.wandb, run_id, target, document))
        return [problem for problem in problems if problem]
