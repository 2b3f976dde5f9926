"""A small AWS on loopback that the real boto3 client talks to through ``AWS_ENDPOINT_URL``.

Bodies of calls are written by moto's serializers from the services' own models, so that their
shape on the wire is AWS's; what is sent again and again is serialised once. The same server has
the public price files and the Spot Instance Advisor. Whatever was not set up answers with an error.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import urllib.parse
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.fakes.server import Call, FakeServer, Fault, Reply

Handler = Callable[["Asked"], Mapping[str, Any]]
ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYxx"
# Name in a signature's scope -> name of the service's model.
MODELS = {"servicequotas": "service-quotas"}


@dataclass(frozen=True)
class Asked:
    """One AWS call, taken apart."""

    service: str
    region: str
    operation: str
    parameters: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        return self.parameters.get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]


class Wire(dict[str, Any]):
    """An answer whose body is already written: ``body`` is what goes over the wire."""

    def __init__(self, body: bytes, content_type: str = "text/xml") -> None:
        super().__init__()
        self.body, self.content_type = body, content_type


def ec2_error(code: str, message: str = "said the fake", status: int = 400) -> Reply:
    body = (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        "</Errors><RequestID>fake</RequestID></Response>"
    )
    return Reply(status, body.encode(), {"content-type": "text/xml"})


def json_error(code: str, message: str = "said the fake", status: int = 400) -> Reply:
    body = json.dumps({"__type": code, "message": message}).encode()
    return Reply(status, body, {"content-type": "application/x-amz-json-1.1"})


class FakeAws(FakeServer):
    """``answers[operation]`` makes an answer of the request; ``faults[operation]`` come first.

    ``files[path]`` are the public files. ``asked`` has the AWS calls, ``calls`` all requests.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.answers: dict[str, Handler] = {}
        self.faults: defaultdict[str, deque[Reply]] = defaultdict(deque)
        self.files: dict[str, Callable[[], bytes]] = {}
        # Regions in which every EC2 call fails, and with what.
        self.closed_regions: dict[str, Reply] = {}

    @property
    def env(self) -> dict[str, str]:
        return self.public_env | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        }

    @property
    def public_env(self) -> dict[str, str]:
        """Only the public files, for who has no credentials."""
        return {
            "AWS_EC2_METADATA_DISABLED": "true",
            "PLANNER_ENDPOINT_AWS": self.url,
            "PLANNER_ENDPOINT_AWS_SPOT_ADVISOR": self.url,
            "NO_PROXY": "*",
        }

    def populate(self, regions: list[str], seed: int) -> None:
        from tests.fakes.aws_world import populate

        populate(self, regions, seed)

    def fault(self, seed: int, count: int = 3) -> None:
        """Random faults for the coming calls; of drifts, EC2's XML suffers its own."""
        super().fault(seed, count)
        rng = random.Random(seed)
        if rng.random() < 0.3:
            self.queue(xml_drift(rng.randrange(1 << 30)))

    def count(self, operation: str) -> int:
        return sum(asked.operation == operation for asked in self.asked)

    def answer(self, call: Call) -> Reply:
        if "authorization" not in call.headers:
            made = self.files.get(call.path)
            if call.method != "GET" or made is None:
                return Reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
            kind = "application/json" if call.path.endswith(".json") else "text/csv"
            return Reply(200, made(), {"content-type": kind})
        asked = taken_apart(call)
        self.asked.append(asked)
        if asked.region in self.closed_regions and asked.service == "ec2":
            return self.closed_regions[asked.region]
        if self.faults[asked.operation]:
            return self.faults[asked.operation].popleft()
        if asked.operation not in self.answers:
            error = ec2_error if asked.service == "ec2" else json_error
            return error("FakeHasNoAnswer", asked.operation, 501)
        return _serialized(asked, self.answers[asked.operation](asked))


def taken_apart(call: Call) -> Asked:
    """Service and region are in the signature's scope, the operation where its protocol has it."""
    scope = call.headers["authorization"].split("Credential=")[1].split(",")[0].split("/")
    region, service = scope[2], scope[3]
    if target := call.headers.get("x-amz-target"):
        return Asked(service, region, target.split(".")[-1], json.loads(call.body))
    if call.path != "/":  # REST: the path names the operation
        return Asked(service, region, call.path.strip("/"), json.loads(call.body or b"{}"))
    form = urllib.parse.parse_qs(call.body.decode())
    parameters = {name: values[0] for name, values in form.items()}
    return Asked(service, region, parameters.pop("Action"), parameters)


@cache
def _operation(service: str, operation: str) -> Any:
    from moto.core.serialize import get_serializer_class
    from moto.core.utils import get_service_model

    model = get_service_model(MODELS.get(service, service))
    serializer = get_serializer_class(MODELS.get(service, service), model.metadata["protocol"])
    return serializer, model.operation_model(operation)


def _serialized(asked: Asked, answer: Mapping[str, Any]) -> Reply:
    if isinstance(answer, Wire):
        return Reply(200, answer.body, {"content-type": answer.content_type})
    serializer, model = _operation(asked.service, asked.operation)
    made = serializer(model).serialize(dict(answer))
    body = made["body"].encode() if isinstance(made["body"], str) else made["body"]
    content_type = dict(made["headers"]).get("Content-Type", "text/xml")
    return Reply(made["status_code"], body, {"content-type": content_type})


class WrittenPages:
    """Pages of an EC2 list whose items are serialised once each, by moto, and then only joined.

    ``key`` is the list's name in the answer, ``tag`` its element on the wire.
    """

    def __init__(self, operation: str, key: str, tag: str) -> None:
        self._operation, self._key, self._tag = operation, key, tag
        self._written: dict[str, bytes] = {}

    def page(self, items: Mapping[str, Any], token: str = "") -> Wire:
        """``items`` by a name that stands for the item: the same name is not written again."""
        parts = [self._one(name, item) for name, item in items.items()]
        next_token = f"<nextToken>{token}</nextToken>" if token else ""
        body = (
            f"<{self._operation}Response><{self._tag}>".encode()
            + b"".join(parts)
            + f"</{self._tag}>{next_token}</{self._operation}Response>".encode()
        )
        return Wire(body)

    def _one(self, name: str, item: Any) -> bytes:
        if name not in self._written:
            asked = Asked("ec2", "", self._operation, {})
            body = _serialized(asked, {self._key: [item]}).body
            start, end = (body.index(f"<{slash}{self._tag}>".encode()) for slash in ("", "/"))
            self._written[name] = body[start + len(self._tag) + 2 : end]
        return self._written[name]


def xml_drift(seed: int) -> Fault:
    """An XML answer one of whose elements has another name everywhere."""

    def drift(_call: Call, reply: Reply) -> Reply:
        names = sorted(set(re.findall(rb"<(\w+)>", reply.body)))
        if not names or not reply.body.lstrip().startswith(b"<"):
            return reply
        name = random.Random(seed).choice(names)
        body = re.sub(rb"(</?)" + name + b">", rb"\1" + name + b"V2>", reply.body)
        return Reply(reply.status, body, reply.headers)

    return Fault("XML drift", drift)


def paged(items: Sequence[Any], key: str, size: int = 2) -> Handler:
    """An answer in pages of ``size``, continued by NextToken as AWS does."""

    token = "nextToken" if key[0].islower() else "NextToken"

    def answer(asked: Asked) -> dict[str, Any]:
        start = int(asked.get(token) or 0)
        page: dict[str, Any] = {key: list(items[start : start + size])}
        if start + size < len(items):
            page[token] = str(start + size)
        return page

    return answer


def instance_type(
    name: str,
    *,
    vcpus: int = 8,
    memory_gib: float = 32,
    gpu: tuple[str, int, int] | None = None,
    gbps: Sequence[float] = (10.0,),
    efa: bool = False,
    usage: Sequence[str] = ("on-demand", "spot"),
) -> dict[str, Any]:
    """A DescribeInstanceTypes item; ``gpu`` is its name, count and MiB each."""
    raw: dict[str, Any] = {
        "InstanceType": name,
        "VCpuInfo": {"DefaultVCpus": vcpus},
        "MemoryInfo": {"SizeInMiB": int(memory_gib * 1024)},
        "SupportedUsageClasses": list(usage),
        "NetworkInfo": {
            "NetworkPerformance": "Up to 10 Gigabit",
            "EfaSupported": efa,
            "NetworkCards": [
                {"NetworkCardIndex": n, "BaselineBandwidthInGbps": value}
                for n, value in enumerate(gbps)
            ],
        },
    }
    if efa:
        raw["NetworkInfo"]["EfaInfo"] = {"MaximumEfaInterfaces": len(gbps)}
    if gpu:
        device, count, mib = gpu
        raw["GpuInfo"] = {
            "Gpus": [
                {
                    "Name": device,
                    "Manufacturer": "NVIDIA",
                    "Count": count,
                    "MemoryInfo": {"SizeInMiB": mib},
                }
            ]
        }
    return raw


def price_item(name: str, usd: str, region: str = "us-east-1", **attributes: str) -> str:
    """A PriceList item: JSON in a string, with opaque keys on the way to the price."""
    return priced(name, {"OnDemand": [term([("Hrs", usd)])]}, region, **attributes)


def priced(
    name: str, terms: Mapping[str, Sequence[Any]], region: str = "us-east-1", **attributes: str
) -> str:
    """A PriceList item with terms of ``term`` by their type."""
    words = " ".join((name, region, *attributes.values()))
    sku = hashlib.sha256(words.encode()).hexdigest()[:16].upper()
    return json.dumps(
        {
            "product": {
                "sku": sku,
                "productFamily": "Compute Instance",
                "attributes": {
                    "instanceType": name,
                    "regionCode": region,
                    "location": "a place",
                    "locationType": "AWS Region",
                    "operatingSystem": "Linux",
                    "tenancy": "Shared",
                    "preInstalledSw": "NA",
                    "capacitystatus": "Used",
                    "marketoption": "OnDemand",
                    "operation": "RunInstances",
                    "usagetype": f"BoxUsage:{name}",
                    "licenseModel": "No License required",
                }
                | attributes,
            },
            "terms": {
                kind: {f"{sku}.T{number}": found for number, found in enumerate(listed)}
                for kind, listed in terms.items()
            },
            "version": "20261120",
        }
    )


def term(
    prices: Sequence[tuple[str, str]], effective: str = "2026-11-01T00:00:00Z", **attributes: str
) -> dict[str, Any]:
    """One term of an item; ``prices`` are unit and USD."""
    return {
        "effectiveDate": effective,
        "termAttributes": attributes,
        "priceDimensions": {
            f"D{number}": {"unit": unit, "pricePerUnit": {"USD": usd}}
            for number, (unit, usd) in enumerate(prices)
        },
    }


def lease(
    years: int, option: str, prices: Sequence[tuple[str, str]], **over: str
) -> dict[str, Any]:
    """A reserved term as the price list writes it."""
    attributes = {
        "LeaseContractLength": f"{years}yr",
        "OfferingClass": "standard",
        "PurchaseOption": option,
    }
    return term(prices, **(attributes | over))
