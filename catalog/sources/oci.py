"""Oracle Cloud: the public files behind its cost estimator, without an account.

``shapes.json`` says what there is, ``products.json`` what its parts cost; prices are the same in
all commercial regions.
"""

from __future__ import annotations

from typing import Any, ClassVar

from catalog.sources.base import Fetched
from catalog.sources.bodies import parse_json
from catalog.sources.cloud_rows import Terms
from catalog.sources.http_source import OnePriceSource, fetched, required
from catalog.sources.oci_rows import shapes_of, usd_prices
from catalog.sources.once import Once

FOLDER = "/a/ocom/docs/cloudestimator2/data"


class OciSource(OnePriceSource):
    name: ClassVar[str] = "oci"
    cloud: ClassVar[str] = "oci"
    kinds: tuple[str, ...] = ("on_demand", "spot")
    needs: str = "nothing: Oracle's price files are public"
    default_url: ClassVar[str] = "https://www.oracle.com"
    # OCI bills by the second, at least a minute.
    terms: ClassVar[Terms] = Terms("oci", 60, 60)

    def __init__(self) -> None:
        super().__init__()
        self._files: Once[str, list[Any]] = Once()

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        self.check_region(region)
        shapes = self._items("shapes.json", deadline)
        prices = usd_prices(self._items("products.json", deadline))
        priced, rejects = shapes_of(shapes, prices, kind)
        source = "Oracle cost estimator, shapes.json and products.json"
        if kind == "spot":
            source += "; preemptible instances at half of the on-demand price"
        return fetched(self.terms, region, kind, priced, rejects, source)

    def _items(self, file: str, deadline: float) -> list[Any]:
        return self._files.get(file, lambda: self._download(file, deadline))

    def _download(self, file: str, deadline: float) -> list[Any]:
        answer = self.client().get(f"{FOLDER}/{file}", deadline, cached=True)
        what = f"OCI {file}"
        items: list[Any] = required(parse_json(answer.body, what), "items", list, what)
        return items
