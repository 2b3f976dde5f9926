"""Lambda: ``GET /api/v1/instance-types`` with the account's API key.

Prices are in cents and the same in all regions; what has capacity somewhere now is listed too,
which says what could be had at that moment and nothing of what exists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from catalog.sources.accelerator_names import accelerator_named, reason_unknown
from catalog.sources.base import Fetched, Reject
from catalog.sources.bodies import mapping, parse_json, positive, sequence
from catalog.sources.cloud_rows import Machine, Priced, Terms, Unusable, printable
from catalog.sources.http_source import OnePriceSource, fetched, required
from catalog.sources.key_files import ApiKey, assigned, read_key

REMEDY = (
    "make a key at cloud.lambda.ai/api-keys and set LAMBDA_API_KEY, or write "
    "'api_key = KEY' into ~/.lambda_cloud/lambda_keys"
)
# "8x A100 (80 GB SXM4)", "A10 (24 GB PCIe)", "GH200 (96 GB)"
DESCRIPTION = re.compile(
    r"(?:(?P<count>\d{1,2})x )?(?P<name>[^()]{1,60}?) "
    r"\((?P<memory>\d{1,4}(?:\.\d+)?) GB(?: (?P<form>[A-Za-z0-9]{1,12}))?\)"
)
NAMED_REGIONS = 6


class LambdaSource(OnePriceSource):
    name: ClassVar[str] = "lambda"
    cloud: ClassVar[str] = "lambda"
    kinds: tuple[str, ...] = ("on_demand",)
    needs: str = "an API key of Lambda (LAMBDA_API_KEY or ~/.lambda_cloud/lambda_keys)"
    default_url: ClassVar[str] = "https://cloud.lambda.ai"
    key_required: ClassVar[bool] = True
    # Lambda bills by the minute.
    terms: ClassVar[Terms] = Terms("lambda", 60, 60)

    def api_key(self) -> ApiKey:
        files = {".lambda_cloud/lambda_keys": assigned("api_key")}
        return read_key("LAMBDA_API_KEY", files, REMEDY)

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        self.check_region(region)
        answer = self.client().get("/api/v1/instance-types", deadline)
        types = required(parse_json(answer.body, "Lambda"), "data", dict, "Lambda")
        priced, rejects = [], []
        for name, raw in types.items():
            try:
                priced.append(priced_type(mapping(raw)))
            except Unusable as error:
                rejects.append(Reject(printable(name), error.reject.reason))
        return fetched(
            self.terms, region, kind, priced, rejects, "Lambda GET /api/v1/instance-types"
        )


def priced_type(raw: Mapping[str, Any]) -> Priced:
    """One entry of ``data``. Raises Unusable."""
    machine_type = mapping(raw.get("instance_type"))
    name = machine_type.get("name")
    if not isinstance(name, str) or not name:
        raise Unusable("?", "no name")
    cents = positive(machine_type.get("price_cents_per_hour"))
    if cents is None:
        raise Unusable(name, f"price of {machine_type.get('price_cents_per_hour')!r} cents")
    specs = mapping(machine_type.get("specs"))
    accelerator, count = _accelerator(name, machine_type, specs)
    return Priced(
        Machine(
            printable(name),
            positive(specs.get("vcpus")),
            positive(specs.get("memory_gib")),
            accelerator,
            count,
        ),
        cents / 100,
        _free_now(raw.get("regions_with_capacity_available")),
    )


def _accelerator(
    name: str, machine_type: Mapping[str, Any], specs: Mapping[str, Any]
) -> tuple[str, float | None]:
    stated = specs.get("gpus")
    count = positive(stated)
    if stated == 0 and not name.startswith("gpu_"):
        return "", None
    texts = (machine_type.get("gpu_description"), machine_type.get("description"))
    found = next(
        (match for text in texts if isinstance(text, str) and (match := DESCRIPTION.match(text))),
        None,
    )
    if found is None:
        raise Unusable(name, "GPU not told by its description")
    if count is None or count != int(count):
        raise Unusable(name, f"{stated!r} GPUs")
    if found["count"] and int(found["count"]) != count:
        raise Unusable(name, f"{count:g} GPUs, but {found['count']} in its description")
    memory_gib = float(found["memory"])
    spellings = [f"{found['name']} {found['form']}"] if found["form"] else []
    for spelling in (*spellings, found["name"]):
        accelerator = accelerator_named(spelling, memory_gib)
        if accelerator:
            return accelerator, count
    raise Unusable(name, reason_unknown(found["name"], memory_gib))


def _free_now(regions: object) -> str:
    names = [
        printable(region["name"])
        for region in sequence(regions)
        if isinstance(region, dict) and region.get("name")
    ]
    if not names:
        return "none free when asked"
    more = f" and {len(names) - NAMED_REGIONS} more" if len(names) > NAMED_REGIONS else ""
    return f"free when asked in {', '.join(names[:NAMED_REGIONS])}{more}"
