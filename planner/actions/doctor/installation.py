"""The use case behind ``planner doctor``: is this installation whole, and what is missing?"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; ``remedy`` is empty when nothing needs doing."""

    name: str
    verdict: Verdict
    finding: str
    remedy: str = ""


DISTRIBUTION = "ai-capacity-planner"
OWN_PACKAGES = ("catalog", "planner", "launchers", "tui")
EXTRAS = {
    "aws": ("boto3", "live AWS prices"),
    "gcp": ("google.cloud.compute_v1", "live GCP machine types"),
    "azure": ("azure.mgmt.compute", "live Azure machine types"),
    "sky": ("sky", "runs on clouds, Kubernetes and Slurm"),
    "torch": ("torch", "calibration benchmarks on this machine, planner trace"),
}
STALE_DAYS = 180


def doctor(*, online: bool = False) -> list[Check]:
    """Every check, in the order a reader would ask; ``online`` asks each live source once."""
    from planner.actions.doctor.sources import private_checks, source_checks

    checks = [_python(), _distribution(), *_shadowed(), _solver(), *_catalog(), _measurements()]
    checks += [*private_checks(), *source_checks(online=online)]
    return checks + [_extra(name, module, use) for name, (module, use) in EXTRAS.items()]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check("python", Verdict.OK, f"{found} at {sys.executable}")


def _distribution() -> Check:
    try:
        return Check("installed", Verdict.OK, f"{DISTRIBUTION} {version(DISTRIBUTION)}")
    except PackageNotFoundError:
        return Check(
            "installed", Verdict.NOTE, "runs from a source tree", "pip install . for the command"
        )


def _shadowed() -> list[Check]:
    """Common names such as ``catalog`` may be taken by another package or a local folder."""
    home = Path(__file__).resolve().parents[3]
    owners = packages_distributions()
    checks = []
    for package in OWN_PACKAGES:
        spec = importlib.util.find_spec(package)
        place = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if place is not None and place.parent == home:
            others = sorted({d for d in owners.get(package, []) if d != DISTRIBUTION})
            if others:
                remedy = f"pip uninstall {' '.join(others)}, or use a venv of its own"
                found = f"is also installed by {', '.join(others)}"
                checks.append(Check(f"package {package}", Verdict.FAIL, found, remedy))
            continue
        checks.append(
            Check(
                f"package {package}",
                Verdict.FAIL,
                f"another {package!r} is imported from {place}",
                f"leave that folder or uninstall that package; ours is in {home}",
            )
        )
    return checks or [Check("packages", Verdict.OK, f"{', '.join(OWN_PACKAGES)} in {home}")]


def _solver() -> Check:
    import pulp

    usable = [
        name
        for name, solver in (("HiGHS", pulp.HiGHS), ("CBC", pulp.PULP_CBC_CMD))
        if solver(msg=False).available()
    ]
    if not usable:
        return Check("solver", Verdict.FAIL, "none usable", "pip install 'highspy>=1.13,<1.16'")
    return Check("solver", Verdict.OK, " and ".join(usable))


def _catalog() -> list[Check]:
    from catalog import Catalog, CatalogError

    try:
        catalog = Catalog.open()
    except CatalogError as error:
        return [Check("catalog", Verdict.FAIL, f"{error.path}: {error.problem}", error.remedy)]
    checks = [Check("catalog", Verdict.OK, f"{catalog.offer_count:,} offers, {catalog.path}")]
    newest: dict[str, date] = {}
    for row in catalog.rows("purchase_options", "kind = 'on_demand' GROUP BY cloud, source"):
        as_of = catalog.sources[row["source"]].as_of
        if as_of is not None:
            newest[row["cloud"]] = max(as_of, newest.get(row["cloud"], as_of))
    for cloud, as_of in sorted(newest.items()):
        age = (date.today() - as_of).days
        found = f"newest on-demand price of {as_of}, {age} days old"
        if age > STALE_DAYS:
            checks.append(Check(f"prices {cloud}", Verdict.NOTE, found, "planner catalog refresh"))
        else:
            checks.append(Check(f"prices {cloud}", Verdict.OK, found))
    return checks


def _measurements() -> Check:
    from catalog import CatalogError
    from catalog.observations import OwnObservations

    store = OwnObservations()
    if not store.path.exists():
        return Check(
            "own measurements", Verdict.NOTE, "none yet", "planner calibrate run cnn --on local"
        )
    try:
        return Check("own measurements", Verdict.OK, f"{len(store.all())} in {store.path}")
    except CatalogError as error:
        return Check("own measurements", Verdict.FAIL, str(error), error.remedy)


def _extra(name: str, module: str, use: str) -> Check:
    try:
        found = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    if found:
        return Check(f"extra {name}", Verdict.OK, use)
    return Check(
        f"extra {name}",
        Verdict.NOTE,
        f"not installed: {use}",
        f"pip install '{DISTRIBUTION}[{name}]'",
    )
