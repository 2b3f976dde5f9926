"""A small AWS on loopback that the real boto3 client talks to through ``AWS_ENDPOINT_URL``.

Bodies are written by moto's serializers from the services' own models, so that their shape on
the wire is AWS's. Whatever was not set up answers with an error.
"""

from __future__ import annotations

import json
import sys
import threading
import urllib.parse
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = Callable[[dict[str, Any]], dict[str, Any]]


class _QuietServer(ThreadingHTTPServer):
    """Clients that hang up are part of the tests: their broken pipes are not told on stderr."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Reply:
    """A raw answer. ``promised_bytes`` over the body's length cuts the connection short."""

    status: int
    body: bytes
    content_type: str = "text/xml"
    promised_bytes: int | None = None


@dataclass(frozen=True)
class Call:
    service: str
    region: str
    operation: str
    parameters: Mapping[str, Any]


def ec2_error(code: str, message: str = "said the fake", status: int = 400) -> Reply:
    body = (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        "</Errors><RequestID>fake</RequestID></Response>"
    )
    return Reply(status, body.encode())


def json_error(code: str, message: str = "said the fake", status: int = 400) -> Reply:
    body = json.dumps({"__type": code, "message": message}).encode()
    return Reply(status, body, "application/x-amz-json-1.1")


class FakeAws:
    """``answers[operation]`` makes an answer of the request; ``faults[operation]`` come first."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: dict[str, Handler] = {}
        self.faults: defaultdict[str, deque[Reply]] = defaultdict(deque)
        # Regions in which every call fails, and with what.
        self.closed_regions: dict[str, Reply] = {}
        fake = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                reply = fake._reply(self.headers, body)
                self.send_response(reply.status)
                self.send_header("content-type", reply.content_type)
                promised = reply.promised_bytes or len(reply.body)
                self.send_header("content-length", str(promised))
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = promised != len(reply.body)

        self._server = _QuietServer(("127.0.0.1", 0), Requests)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.calls)

    def _reply(self, headers: Any, body: bytes) -> Reply:
        scope = headers["authorization"].split("Credential=")[1].split(",")[0].split("/")
        region, service = scope[2], scope[3]
        if target := headers.get("x-amz-target"):
            operation, parameters = target.split(".")[-1], json.loads(body)
        else:
            form = urllib.parse.parse_qs(body.decode())
            parameters = {name: values[0] for name, values in form.items()}
            operation = parameters.pop("Action")
        self.calls.append(Call(service, region, operation, parameters))
        if region in self.closed_regions and service == "ec2":
            return self.closed_regions[region]
        if self.faults[operation]:
            return self.faults[operation].popleft()
        if operation not in self.answers:
            error = ec2_error if service == "ec2" else json_error
            return error("FakeHasNoAnswer", operation, 501)
        return _serialized(service, operation, self.answers[operation](parameters))


@cache
def _operation(service: str, operation: str) -> Any:
    from moto.core.serialize import get_serializer_class
    from moto.core.utils import get_service_model

    model = get_service_model(service)
    serializer = get_serializer_class(service, model.metadata["protocol"])
    return serializer, model.operation_model(operation)


def _serialized(service: str, operation: str, answer: dict[str, Any]) -> Reply:
    serializer, model = _operation(service, operation)
    made = serializer(model).serialize(answer)
    body = made["body"].encode() if isinstance(made["body"], str) else made["body"]
    return Reply(made["status_code"], body, dict(made["headers"]).get("Content-Type", "text/xml"))


def paged(items: Sequence[Any], key: str, size: int = 2) -> Handler:
    """An answer in pages of ``size``, continued by NextToken as AWS does."""

    def answer(parameters: dict[str, Any]) -> dict[str, Any]:
        start = int(parameters.get("NextToken") or 0)
        page: dict[str, Any] = {key: list(items[start : start + size])}
        if start + size < len(items):
            page["NextToken"] = str(start + size)
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
) -> dict[str, Any]:
    """A DescribeInstanceTypes item; ``gpu`` is its name, count and MiB each."""
    raw: dict[str, Any] = {
        "InstanceType": name,
        "VCpuInfo": {"DefaultVCpus": vcpus},
        "MemoryInfo": {"SizeInMiB": int(memory_gib * 1024)},
        "SupportedUsageClasses": ["on-demand", "spot"],
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
    sku = f"SKU{name}{usd}".replace(".", "")
    return json.dumps(
        {
            "product": {
                "sku": sku,
                "productFamily": "Compute Instance",
                "attributes": {
                    "instanceType": name,
                    "regionCode": region,
                    "operatingSystem": "Linux",
                    "tenancy": "Shared",
                    "preInstalledSw": "NA",
                    "capacitystatus": "Used",
                    "marketoption": "OnDemand",
                    "operation": "RunInstances",
                }
                | attributes,
            },
            "terms": {
                "OnDemand": {
                    f"{sku}.JRTCKXETXF": {
                        "priceDimensions": {
                            f"{sku}.JRTCKXETXF.6YS6EN2CT7": {
                                "unit": "Hrs",
                                "pricePerUnit": {"USD": usd},
                            }
                        }
                    }
                }
            },
        }
    )
