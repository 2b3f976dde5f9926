"""What the user wants: workload files and their checks.

A file holds one workload, or several under ``workloads:`` (a portfolio). Quantities are written
as people write them (see ``planner.quantities``); unknown fields are refused with a suggestion.
"""

from planner.workload.base import Data, Precision, ServiceBase, WorkloadBase
from planner.workload.files import (
    KINDS,
    MODELS,
    Portfolio,
    PortfolioFile,
    Shared,
    Workload,
    parse,
    parse_any,
    read,
    read_any,
)
from planner.workload.inference import (
    Autoscaling,
    BatchInference,
    HostedPrice,
    RequestSize,
    Serving,
    Speculation,
    VisionInference,
)
from planner.workload.model import InlineModel
from planner.workload.other import Edge, Generic
from planner.workload.training import LanguageTraining, Method, Training, VisionTraining
from planner.workload.where import HeldCommitment, Platform, Purchase, Site, Spread, Where

__all__ = [
    "KINDS",
    "MODELS",
    "Autoscaling",
    "BatchInference",
    "Data",
    "Edge",
    "Generic",
    "HeldCommitment",
    "HostedPrice",
    "InlineModel",
    "LanguageTraining",
    "Method",
    "Platform",
    "Portfolio",
    "PortfolioFile",
    "Precision",
    "Purchase",
    "RequestSize",
    "ServiceBase",
    "Serving",
    "Shared",
    "Site",
    "Speculation",
    "Spread",
    "Training",
    "VisionInference",
    "VisionTraining",
    "Where",
    "Workload",
    "WorkloadBase",
    "is_service",
    "parse",
    "parse_any",
    "read",
    "read_any",
]


def is_service(workload: Workload) -> bool:
    """Whether it has a cost per hour and a horizon instead of an end."""
    if isinstance(workload, VisionInference):
        return workload.is_service
    return isinstance(workload, (Serving, Edge))
