"""The profile a user brings: request sizes, rates, and what each offer serves of each bucket."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from planner.errors import BadInput
from planner.field_errors import in_words, shown, suggest
from planner.optimize.mix.problem import MixLimits, MixProblem, Spread
from planner.yaml_file import load, read_text

SCHEMA = "planner.mix-profile/1"
# 2,000 offers of 100 buckets are some 4 MB of JSON.
MAX_BYTES = 64 << 20

Number = Annotated[float, Field(strict=True, ge=0, le=1e15, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True, ge=0, le=10**9)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Edge = (
    Annotated[int, Field(strict=True, gt=0)]
    | Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
    | Name
)
Matrix = list[list[Number]]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ProfileOffer(_Part):
    """One machine that can be rented, and what one of it serves."""

    name: Name
    usd_per_hour: Number
    max_requests_per_second: Matrix = Field(
        description="input bucket x output bucket, of that bucket alone; 0: cannot serve it"
    )
    max_count: Whole | None = Field(None, description="instances there are; null: no limit")
    accelerator: str = Field("", description="what max_types counts; else the name")
    cloud: str = ""
    region: str = ""
    zone: str = ""
    spot: bool = False
    quota_class: str = ""
    quota_units: Number = Field(1.0, description="units of its quota class that one draws")
    concurrency: Annotated[int, Field(strict=True, ge=1, le=4096)] = Field(
        1, description="requests that one instance works on at a time"
    )


class ProfileSpread(_Part):
    """Least places in use, and the largest share of requests in one of them."""

    over: Literal["zone", "region", "cloud"]
    at_least: Annotated[int, Field(strict=True, ge=1)] = 1
    max_share: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0


class ProfileLimits(_Part):
    """What limits the mix beyond the offers' own counts."""

    quotas: dict[str, Number] = Field(default_factory=dict)
    max_types: Annotated[int, Field(strict=True, ge=1)] | None = None
    max_spot_share: Share | None = Field(None, description="of all requests")
    spread: list[ProfileSpread] = Field(default_factory=list)
    spare_instances: Annotated[int, Field(strict=True, ge=0, le=1000)] = Field(
        0, description="N+k: instances of each offer in use that may fail without overload"
    )
    max_utilisation: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    budget_usd_per_hour: Number | None = None


class ProfileSlo(_Part):
    """How long requests may wait for a machine, checked by simulation."""

    max_queue_delay_s: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
    percentile: Annotated[float, Field(strict=True, ge=50, lt=100)] = 95.0


class MixProfile(_Part):
    """planner.mix-profile/1."""

    schema_: Literal["planner.mix-profile/1"] = Field("planner.mix-profile/1", alias="schema")
    name: str = "mix"
    input_len_buckets: Annotated[list[Edge], Field(min_length=1)]
    output_len_buckets: Annotated[list[Edge], Field(min_length=1)]
    request_distribution: Matrix = Field(
        description="input bucket x output bucket; weights, scaled to add up to 1"
    )
    requests_per_second: Number
    offers: list[ProfileOffer]
    limits: ProfileLimits = Field(default_factory=ProfileLimits)  # type: ignore[arg-type]
    slo: ProfileSlo | None = None
    burstiness: Annotated[float, Field(strict=True, gt=0, le=1000)] = Field(
        1.0, description="squared coefficient of variation of the gaps between requests; 1: Poisson"
    )

    @property
    def rate(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Requests/s of each bucket, flat, input bucket by output bucket."""
        weights = np.array(self.request_distribution, float).reshape(-1)
        total = weights.sum()
        return weights * (self.requests_per_second / total) if total > 0 else weights

    def problem(self) -> MixProblem:
        """The offers as columns."""
        offers = self.offers
        buckets = len(self.input_len_buckets) * len(self.output_len_buckets)
        speed = np.array([o.max_requests_per_second for o in offers], float)
        return MixProblem.of(
            [o.usd_per_hour for o in offers],
            speed.reshape(len(offers), buckets),
            self.rate,
            max_count=[np.inf if o.max_count is None else o.max_count for o in offers],
            quota_class=[o.quota_class for o in offers],
            quota_units=[o.quota_units for o in offers],
            spot=[o.spot for o in offers],
            kind=[o.accelerator or o.name for o in offers],
            zone=[o.zone for o in offers],
            region=[o.region for o in offers],
            cloud=[o.cloud for o in offers],
        )

    def mix_limits(self) -> MixLimits:
        given = self.limits
        return MixLimits(
            quotas=given.quotas,
            max_types=given.max_types,
            max_spot_share=given.max_spot_share,
            spread=tuple(Spread(s.over, s.at_least, s.max_share) for s in given.spread),
            spare_instances=given.spare_instances,
            max_utilisation=given.max_utilisation,
        )

    def bucket_name(self, bucket: int) -> str:
        """A flat bucket in words."""
        row, column = divmod(bucket, len(self.output_len_buckets))
        return f"input {self.input_len_buckets[row]} output {self.output_len_buckets[column]}"


def read_profile(path: str, text: str | None = None) -> tuple[MixProfile, dict[str, Any], str]:
    """A checked profile, the mapping it came from, and where that was. Raises BadInput."""
    where = "stdin" if path == "-" else path
    data = _document(path, text, where)
    return parse_profile(data, where), data, where


def parse_profile(data: dict[str, Any], where: str) -> MixProfile:
    """Check one mapping. Raises BadInput that names file and field."""
    try:
        profile = MixProfile.model_validate(data)
    except ValidationError as error:
        raise _bad_input(error, where) from None
    _check_shapes(profile, where)
    return profile


def _document(path: str, text: str | None, where: str) -> dict[str, Any]:
    if not path:
        raise BadInput("the file name is empty", where="command line", remedy="name a file")
    text = read_text(path, where, MAX_BYTES) if text is None else text
    if text.lstrip()[:1] in ("{", "["):
        # JSON is read as such: YAML takes seconds for megabytes. Flow-style YAML starts alike.
        try:
            data = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, where))
        except json.JSONDecodeError as error:
            if path.endswith(".json") or len(text) > 1 << 20:
                place = f"{where}: line {error.lineno}, column {error.colno}"
                raise BadInput(error.msg, where=place, remedy="correct the JSON") from None
            data = load(path, text)
        except (RecursionError, ValueError) as error:
            problem = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise BadInput(problem, where=where, remedy="correct the JSON") from None
    else:
        data = load(path, text)
    if not isinstance(data, dict):
        raise BadInput(
            f"holds {shown(data)}, not a mix profile",
            where=where,
            remedy="write `schema: planner.mix-profile/1` and the other fields as a mapping",
        )
    return data


def _once(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput("is given twice", where=f"{where}: {twice}", remedy="keep one")
    return found


def _check_shapes(profile: MixProfile, where: str) -> None:
    rows, columns = len(profile.input_len_buckets), len(profile.output_len_buckets)
    matrices = [("request_distribution", profile.request_distribution)]
    matrices += [
        (f"offers.{i}.max_requests_per_second ({o.name})", o.max_requests_per_second)
        for i, o in enumerate(profile.offers)
    ]
    for name, matrix in matrices:
        place = f"{where}: {name}"
        if len(matrix) != rows:
            raise BadInput(
                f"has {len(matrix)} rows for {rows} input_len_buckets",
                where=place,
                remedy=f"give {rows} rows of {columns} numbers",
            )
        for row, values in enumerate(matrix):
            if len(values) != columns:
                raise BadInput(
                    f"row {row} has {len(values)} numbers for {columns} output_len_buckets",
                    where=place,
                    remedy=f"give {rows} rows of {columns} numbers",
                )
    if profile.requests_per_second > 0 and not np.array(profile.request_distribution).any():
        raise BadInput(
            "is 0 in every bucket, but requests_per_second is not",
            where=f"{where}: request_distribution",
            remedy="give the share of each bucket",
        )
    for field_name in ("input_len_buckets", "output_len_buckets"):
        edges = getattr(profile, field_name)
        if len(set(edges)) < len(edges):
            raise BadInput(
                "names a bucket twice", where=f"{where}: {field_name}", remedy="keep one"
            )
    seen: set[str] = set()
    for index, offer in enumerate(profile.offers):
        if offer.name in seen:
            raise BadInput(
                f"{shown(offer.name)} names two offers",
                where=f"{where}: offers.{index}.name",
                remedy="give each a name of its own",
            )
        seen.add(offer.name)
    unknown = sorted(set(profile.limits.quotas) - {o.quota_class for o in profile.offers})
    if unknown and profile.offers:
        classes = sorted({o.quota_class for o in profile.offers} - {""})
        raise BadInput(
            "no offer draws on this quota class",
            where=f"{where}: limits.quotas.{unknown[0]}",
            remedy=suggest(unknown[0], classes, "give offers a quota_class, or leave it out")
            if classes
            else "give offers a quota_class, or leave it out",
        )


_BRANCHES = ("int", "float", "constrained-int", "constrained-float", "constrained-str")
_PARTS: dict[str, type[BaseModel]] = {
    "offers": ProfileOffer,
    "limits": ProfileLimits,
    "spread": ProfileSpread,
    "slo": ProfileSlo,
}


def _bad_input(error: ValidationError, where: str) -> BadInput:
    # A misspelt field is also a missing one: the spelling is what to say.
    problems = sorted(
        error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden"
    )
    first = problems[0]
    path = [str(part) for part in first["loc"] if part != "[key]"]
    # The branches of a union (a number or a name) are no part of what the user wrote.
    path = [
        part for part in path if not part.startswith(("constrained-", "float", "int", "function-"))
    ]
    within = [name for name in path[:-1] if name in _PARTS]
    model = _PARTS[within[-1]] if within else MixProfile
    known = sorted(f.alias or name for name, f in model.model_fields.items())
    problem, remedy = in_words({**first}, known)
    value = shown(first.get("input"))
    if first["type"] == "greater_than":
        problem, remedy = f"{value} is not above {first['ctx']['gt']:g}", "use more"
    elif first["type"] == "less_than":
        problem, remedy = f"{value} is not below {first['ctx']['lt']:g}", "use less"
    elif first["type"] == "list_type":
        problem, remedy = f"{value} is not a list", "write a list such as [a, b]"
    remedy = remedy.replace("planner schema workload", "planner schema mix-profile")
    return BadInput(problem, where=f"{where}: {'.'.join(path)}", remedy=remedy)
