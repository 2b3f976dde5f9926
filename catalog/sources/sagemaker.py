"""SageMaker: its own rates for machines, and the account's quotas of training instances.

Rates come from pricing:GetProducts where there are credentials, else from the public price file.
"""

from __future__ import annotations

from typing import ClassVar

from catalog.sources.aws_base import AwsBase
from catalog.sources.aws_files import PREAMBLE_LINES, kept_lines
from catalog.sources.aws_quotas import sagemaker_class
from catalog.sources.base import Fetched, FetchedQuotas, FetchFailed, Reject, utc_now
from catalog.sources.bodies import parse_csv
from catalog.sources.sagemaker_rows import ManagedPrices, from_file, from_products, managed_rows

SERVICE = "AmazonSageMaker"
REQUIRED = ("TermType", "Unit", "PricePerUnit", "Currency", "usageType")


class SageMakerSource(AwsBase):
    name: ClassVar[str] = "sagemaker"
    cloud: ClassVar[str] = "aws"
    platform: ClassVar[str] = "sagemaker"
    kinds: tuple[str, ...] = ("on_demand",)
    has_quotas: bool = True
    needs: str = "nothing for prices; the aws extra and credentials for quotas"
    public_kinds: ClassVar[tuple[str, ...]] = kinds
    without_account: ClassVar[str] = "prices come from AWS's public files, quotas stay unknown"

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        if kind not in self.kinds:
            raise FetchFailed(f"SageMaker has no {kind} prices", f"known: {', '.join(self.kinds)}")
        if self.checked_lack() is None:
            source = f"AWS pricing:GetProducts of {SERVICE}, {region}"
            found = self._from_account(region, deadline)
        else:
            source = f"AWS public price file of {SERVICE}, {region} (no account asked)"
            found = self._from_file(region, deadline)
        offers, options, rejects = managed_rows(found, region)
        return Fetched(
            offers=tuple(offers),
            options=tuple(options),
            rejects=tuple(dict.fromkeys(rejects)),
            source=source,
            fetched_at=utc_now(),
        )

    def fetch_quotas(self, region: str, deadline: float) -> FetchedQuotas:
        lack = self.checked_lack()
        if lack is not None:
            raise FetchFailed(f"quotas need an account ({lack.what})", lack.remedy)
        quotas, rejects = self.account.quotas(
            region, "sagemaker", sagemaker_class, "instance", deadline
        )
        return FetchedQuotas(
            quotas,
            tuple(rejects),
            f"AWS servicequotas:ListServiceQuotas (sagemaker), {region}",
            utc_now(),
        )

    def _from_account(self, region: str, deadline: float) -> ManagedPrices:
        wanted = {"regionCode": region, "productFamily": "ML Instance"}
        return from_products(self.account.products(SERVICE, wanted, deadline))

    def _from_file(self, region: str, deadline: float) -> ManagedPrices:
        path = self.public.file_path(SERVICE, region, deadline)
        rejects: list[Reject] = []
        with self.public.download(path, deadline) as file:
            rows = parse_csv(
                kept_lines(file, (b":ml.", b"OnDemand")),
                f"SageMaker price file of {region}",
                required=REQUIRED,
                rejects=rejects,
                skip_lines=PREAMBLE_LINES,
            )
            found = from_file(rows)
        found.rejects += rejects
        return found
