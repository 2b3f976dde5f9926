"""What the commands of all serving engines share: the model's name, sizes and the load."""

from __future__ import annotations

import math
import shlex

from planner.exports.subject import Subject, refuse, refuse_places
from planner.workload import BatchInference, Serving

PORT = 8000
# Requests vary: the longest in room for, as a multiple of the mean that the workload states.
LONGEST_OVER_MEAN = 4
SMALLEST_ROOM = 2048
# Of a Poisson number of requests in flight, all but one in 44 are below mean + 2 deviations.
DEVIATIONS = 2.0


def check_serves(subject: Subject, engine: str) -> None:
    """Raises BadInput for what the engine cannot serve: other models, edge, groups of machines."""
    refuse_places(subject, engine, on_prem=True)
    if not subject.is_language_inference:
        raise refuse(
            subject,
            engine,
            f"it serves language models, and this is {subject.workload.kind} of {subject.model}",
            "use --to skypilot or kubernetes with --command",
        )
    if subject.nodes_per_group > 1:
        raise refuse(
            subject,
            engine,
            f"one copy of the model spans {subject.nodes_per_group} machines, which takes a Ray "
            "cluster around it",
            "plan with where.accelerators of more memory, or write the launch by hand",
        )


def check_known(subject: Subject, target: str) -> None:
    """Raises BadInput where no server of the model is known, so that the user must name one."""
    if not subject.is_language_inference:
        raise refuse(
            subject,
            target,
            f"what serves {subject.model} is not known here",
            f"say --command, with a server that answers /health on port {PORT} when it is ready",
        )


def model_word(subject: Subject, model_id: str) -> str:
    """A shell word: the given name or path, else the variable MODEL, which must then be set."""
    if model_id or "/" in subject.model:
        return shlex.quote(model_id or subject.model)
    return '"${MODEL:?is the name or path of the weights}"'


def longest_request(subject: Subject) -> int:
    """Tokens of prompt and answer to leave room for: a power of two above what is asked."""
    work = subject.workload
    if isinstance(work, Serving) and work.requests:
        most = float(max(one.input_length + one.output_length for one in work.requests))
    elif isinstance(work, Serving):
        most = LONGEST_OVER_MEAN * float(work.input_length + work.output_length)
    elif isinstance(work, BatchInference):
        most = LONGEST_OVER_MEAN * float(work.input_length + (work.output_length or 128))
    else:
        most = 0.0
    return int(2 ** math.ceil(math.log2(max(most, SMALLEST_ROOM))))


def most_in_flight(subject: Subject, copies: int) -> int | None:
    """Requests that one engine may work on at once, so that its load is the plan's; None: unknown.

    The plan's number is a mean: two standard deviations of a Poisson number come on top.
    """
    latency = subject.item.latency
    if latency is None or latency.concurrency is None:
        return None
    mean = latency.concurrency / copies
    return max(1, math.ceil(mean + DEVIATIONS * math.sqrt(mean)))


def fleet_notes(subject: Subject) -> list[str]:
    """What the command leaves to the user."""
    found = []
    if subject.item.groups > 1:
        found.append(
            f"One of {subject.item.groups} machines with the same command; a load balancer before "
            "them shares out the requests."
        )
    found.append(
        f"Room for {longest_request(subject)} tokens a request; the plan knows "
        "sizes as the workload states them. Raise it if longer requests come."
    )
    return found
