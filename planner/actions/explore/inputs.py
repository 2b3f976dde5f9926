"""The workload under study and its constraints as a person types them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner.errors import BadInput
from planner.workload import Portfolio, Workload, parse, parse_any
from planner.workload.files import member
from planner.workload.inference import Serving, VisionInference
from planner.workload.other import Edge
from planner.workload.profiles import beside
from planner.yaml_file import load

LATENCIES = ("ttft_p95", "tpot_p95", "latency_p95")
# Fields of Inputs that hold text, and what flags they are.
TEXTS = ("deadline", *LATENCIES, "budget", "max_nodes", "clouds", "regions", "risk")
FIELDS = (*TEXTS, "purchase")
LEAST_RISK, MOST_RISK = 0.5, 0.99  # of a workload
FLAGS = {"clouds": "cloud", "regions": "region"}


@dataclass(frozen=True)
class Inputs:
    """Constraints as a person typed them; empty means no limit, of ``risk`` the usual one.

    ``clouds`` and ``regions`` are names with commas or spaces between them. A field that does not
    go with the kind of work (see ``Subject.fields`` and ``Subject.places``) is ignored.
    """

    deadline: str
    budget: str
    max_nodes: str
    purchase: tuple[str, ...]
    ttft_p95: str = ""
    tpot_p95: str = ""
    latency_p95: str = ""
    clouds: str = ""
    regions: str = ""
    risk: str = ""


@dataclass(frozen=True)
class Subject:
    """The workload under study and where it came from.

    ``file`` None: no file holds it alone (shipped with the planner, or one of several). ``data`` is
    the workload as it was written, so that what is not edited is lost in no detail. ``note`` says
    what of the file is left out.

    ``portfolio`` is the file of one of several; ``names`` are all of its workloads.
    """

    workload: Workload
    file: str | None
    data: Mapping[str, Any]
    note: str = ""
    portfolio: str | None = None
    names: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Limits that go with this kind of work, of TEXTS."""
        w = self.workload
        if isinstance(w, Serving):
            first: tuple[str, ...] = ("ttft_p95", "tpot_p95")
        elif isinstance(w, Edge) or (isinstance(w, VisionInference) and w.is_service):
            first = ("latency_p95",)
        else:
            first = ("deadline",)
        return (*first, "budget", "max_nodes")

    @property
    def places(self) -> tuple[str, ...]:
        """Further limits, of TEXTS: where it may run and how sure the limits must hold."""
        return ("clouds", "regions", "risk") if self.buys else ("risk",)

    @property
    def buys(self) -> bool:
        """Whether ways to pay matter: edge devices and own machines are not rented."""
        return self.workload.where.cloud_offers and not isinstance(self.workload, Edge)

    @property
    def inputs(self) -> Inputs:
        """The workload's own constraints, as text that parses back to them."""
        w = self.workload
        latencies = {name: _seconds_text(getattr(w, name, None)) for name in LATENCIES}
        return Inputs(
            deadline="" if w.deadline is None else _hours_text(w.deadline),
            budget="" if w.budget is None else f"{w.budget:.10g}",
            max_nodes=str(w.where.max_nodes),
            purchase=tuple(kind.value for kind in w.where.purchase),
            clouds=", ".join(w.where.clouds),
            regions=", ".join(w.where.regions),
            risk=f"{w.risk * 100:.10g}%",
            **latencies,
        )


def open_subject(file: str, *, shipped: bool = False, name: str | None = None) -> Subject:
    """Read a workload file. Raises BadInput. ``shipped`` files are not named in commands.

    Of a file with several workloads ``name`` says which; without it, the first.
    """
    if file == "-":
        raise BadInput(
            "the keyboard is needed for the screen, so standard input cannot be the workload",
            where="-",
            remedy="save it to a file and name that",
        )
    data = beside(load(file), file)
    if isinstance(data, dict) and "workloads" in data:
        return _one_of(data, file, name)
    workload = parse(data, where=file)
    if name is not None and name != workload.name:
        raise BadInput(
            f"holds one workload, {workload.name!r}",
            where=f"{file}: --workload {name}",
            remedy="leave --workload out",
        )
    assert isinstance(data, dict)
    return Subject(workload, None if shipped else file, data)


def sibling(subject: Subject, name: str) -> Subject:
    """Another workload of the same portfolio, as its file is now. Raises BadInput."""
    assert subject.portfolio is not None, "the subject is one of several"
    return open_subject(subject.portfolio, name=name)


def _one_of(data: dict[str, Any], file: str, name: str | None) -> Subject:
    """One workload of a portfolio by itself."""
    found = parse_any(data, where=file)
    assert isinstance(found, Portfolio)
    names = tuple(one.name for one in found.workloads)
    name = names[0] if name is None else name
    alone = member(data, name, where=file)
    shared = [key for key in ("budget", "quotas", "credits") if data.get(key)]
    left = f", without the {' and '.join(shared)} that they share" if shared else ""
    note = (
        f"{name}, one of {len(names)}, is planned by itself{left}; "
        f"`planner recommend {shlex.quote(file)}` plans them together"
    )
    workload = parse(alone, where=f"{file}: {name}")
    return Subject(workload, None, alone, note, file, names)


def constrain(subject: Subject, inputs: Inputs) -> Workload:
    """The workload with the typed constraints in place of its own. Raises BadInput."""
    return parse(edited(subject, inputs), where=subject.file or "workload")


def edited(subject: Subject, inputs: Inputs) -> dict[str, Any]:
    """The workload as written, with what was typed instead of what it said before.

    Raises BadInput for a number of machines or a risk that is none and for no way to pay.
    """
    data, place = dict(subject.data), dict(subject.data.get("where") or {})
    for name in _touched(subject, inputs):
        value = getattr(inputs, name)
        if name in ("clouds", "regions"):
            place[name] = names_in(value)
            continue
        if name == "max_nodes":
            nodes = value.strip()
            if not nodes.isdecimal():
                raise BadInput(
                    f"{nodes!r} is not a whole number", where=name, remedy="give one such as 16"
                )
            place[name] = int(nodes)
        elif name == "purchase":
            if not value:
                raise BadInput(
                    "no way to pay is left", where=name, remedy="choose on-demand, spot or both"
                )
            place[name] = list(value)
        elif name == "risk" and value.strip():
            data[name] = _share(value)
        elif value.strip():
            data[name] = value.strip()
        else:
            data.pop(name, None)
    if place:
        data["where"] = place
    return data


def command_line(subject: Subject, inputs: Inputs) -> str:
    """A shell command that gives the same recommendation."""
    touched = _touched(subject, inputs)
    removed = any(not getattr(inputs, name).strip() for name in touched if name != "purchase")
    if subject.file is None or removed:
        # Flags cannot take a limit away, and the shipped workload has no path worth typing.
        import yaml

        text = yaml.safe_dump(edited(subject, inputs), sort_keys=False, allow_unicode=True)
        return f"planner recommend - <<'WORKLOAD'\n{text}WORKLOAD"
    words = ["planner", "recommend", subject.file]
    for name in touched:
        value = getattr(inputs, name)
        flag = f"--{FLAGS.get(name, name).replace('_', '-')}"
        if name in ("clouds", "regions"):
            each: Sequence[str] = names_in(value)
        elif name == "risk":
            each = [f"{_share(value):.10g}"]
        else:
            each = value if name == "purchase" else [value.strip()]
        words += [word for one in each for word in (flag, one)]
    return shlex.join(words)


def names_in(text: str) -> list[str]:
    """Names with commas or spaces between them."""
    return text.replace(",", " ").split()


def _share(text: str) -> float:
    """A risk as typed. Raises BadInput."""
    from planner.quantities import share

    try:
        value = share(text.strip())
    except ValueError:
        value = 0.0
    if not LEAST_RISK <= value <= MOST_RISK:
        raise BadInput(
            f"{text.strip()!r} is no probability from 50% to 99%",
            where="risk",
            remedy="write 90%: limits then hold in nine of ten cases",
        )
    return value


def _touched(subject: Subject, inputs: Inputs) -> list[str]:
    """Fields that hold something else than the workload says, and that go with it."""
    own = subject.inputs
    names = (*subject.fields, *subject.places)
    touched = [n for n in names if getattr(inputs, n).strip() != getattr(own, n)]
    bought = subject.buys and set(inputs.purchase) != set(own.purchase)
    return [*touched, "purchase"] if bought else touched


def _hours_text(value: float) -> str:
    minutes = value * 60
    return f"{minutes:.10g}m" if value < 1 and minutes == int(minutes) else f"{value:.10g}h"


def _seconds_text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.10g}s" if value >= 1 else f"{value * 1e3:.10g}ms"
