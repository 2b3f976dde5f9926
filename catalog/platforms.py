"""Managed platforms as ways to buy: SageMaker, Vertex AI and Azure ML on their clouds' machines.

Few of their prices are published here. Where one is listed it is used in its region; elsewhere
the premium over the plain machine carries over: of the same machine, else of its family, else of
the whole platform. A machine for which none of these is known is not offered on the platform.
Where a platform's own prices of a region were refreshed, they stand alone: nothing is derived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Key = tuple[str, str, str, str]

# Names of the table managed_platforms -> names in ``OfferTable``. Its serverless workers are
# priced without a machine, so that they are no way to buy one.
PLATFORMS = {
    "SageMaker AI": "sagemaker",
    "Vertex AI custom training": "vertex-ai",
    "Azure Machine Learning": "azure-ml",
}
ANY = "any"
PREFIX = {"sagemaker": "ml."}
# Variants that no managed platform sells.
UNMANAGED = "metal"
# A plain price that moved further than this since the listing was read voids the listing's figure.
DRIFT = 0.02
UNLISTED_SIZE = "its price list, as read, has other sizes of this family only"


@dataclass(frozen=True, slots=True)
class _Premium:
    """Managed over plain, minus one, and how sure that is; ``price`` is the listed one."""

    fraction: float
    confidence: str
    source: str
    note: str = ""
    price: float | None = None


def plain_type(platform: str, managed: str) -> str:
    """The cloud's own name of a platform's machine."""
    return managed.removeprefix(PREFIX.get(platform, ""))


def managed_type(platform: str, plain: str) -> str:
    """A platform's name of the cloud's machine."""
    return PREFIX.get(platform, "") + plain


class ManagedPlatforms:
    """On-demand prices of managed platforms, from the table and the plain prices.

    ``sources`` collects what a derived price is from: the plain price and the premium.
    """

    def __init__(self, table: Iterable[Row], sources: Iterable[Row]) -> None:
        listings = [row for row in table if row["platform"] in PLATFORMS]
        self.sources: dict[str, dict[str, Any]] = {}
        self._known_sources = {row["source"]: row for row in sources}
        self._name = {row["cloud"]: PLATFORMS[row["platform"]] for row in listings}
        priced = [row for row in listings if row["premium_fraction"] is not None]
        self._unsure = {
            (r["cloud"], r["instance_type"])
            for r in listings
            if r["confidence"] == "low" and r["instance_type"] != ANY
        }
        self._machine = {(r["cloud"], r["instance_type"]): r for r in priced}
        self._families: dict[tuple[str, str], list[Row]] = {}
        for row in priced:
            if row["instance_type"] != ANY:
                key = row["cloud"], _family(row["instance_type"])
                self._families.setdefault(key, []).append(row)

    def options(
        self, offers: Mapping[Key, Row], plain: Iterable[Row], live: Iterable[Row] = ()
    ) -> list[dict[str, Any]]:
        """A row of ``purchase_options`` with ``platform`` for each managed machine.

        ``live`` are such rows as a platform itself told them.
        """
        found = [dict(row) for row in live]
        told = {
            (row["platform"], row["cloud"], row["region"])
            for row in found
            if row["kind"] == "on_demand"
        }
        for option in plain:
            platform = self._name.get(option["cloud"])
            name = option["instance_type"]
            if platform is None or option["kind"] != "on_demand" or UNMANAGED in name:
                continue
            if (platform, option["cloud"], option["region"]) in told:
                continue
            managed = managed_type(platform, name)
            premium = self._premium(option, managed)
            key = option["cloud"], option["region"], option["zone"], name
            if premium is None or key not in offers:
                continue
            if premium.price is None:
                usd = option["usd_per_hour"] * (1 + premium.fraction)
                source = self._derived_source(option["source"], premium.source)
            else:
                usd, source = premium.price, premium.source
            low = "low" in (premium.confidence, option["confidence"])
            found.append(
                {
                    **option,
                    "platform": platform,
                    "plain_type": name,
                    "instance_type": managed,
                    "usd_per_hour": usd,
                    "quota_class": _quota_class(platform, managed, option["quota_class"]),
                    # Not published in what was read: the billing of the plain machine is no guide.
                    "billing_increment_s": None,
                    "minimum_s": None,
                    "obtainability": option["obtainability"] or premium.note,
                    "confidence": "low" if low else premium.confidence,
                    "source": source,
                }
            )
        return found

    def _premium(self, option: Row, managed: str) -> _Premium | None:
        cloud = option["cloud"]
        unsure = (cloud, managed) in self._unsure
        listing = self._machine.get((cloud, managed))
        if listing is not None:
            fraction = listing["premium_fraction"]
            if listing["region"] == option["region"]:
                price, then = listing["managed_usd_per_hour"], listing["vm_usd_per_hour"]
                moved = then is not None and abs(option["usd_per_hour"] / then - 1) > DRIFT
                confidence = "low" if unsure or moved else listing["confidence"]
                return _Premium(fraction, confidence, listing["source"], price=price)
            return _Premium(fraction, "low" if unsure else "derived", listing["source"])
        family = self._families.get((cloud, _family(managed)))
        if family:
            sure = [r for r in family if (cloud, r["instance_type"]) not in self._unsure]
            premiums = sorted(r["premium_fraction"] for r in sure or family)
            middle = premiums[(len(premiums) - 1) // 2]  # the lower median, which a source has
            source = next(r for r in sure or family if r["premium_fraction"] == middle)["source"]
            return _Premium(middle, "derived" if sure else "low", source, UNLISTED_SIZE)
        general = self._machine.get((cloud, ANY))
        if general is None:
            return None
        return _Premium(general["premium_fraction"], general["confidence"], general["source"])

    def _derived_source(self, plain: str, premium: str) -> str:
        """One source for a price made of two; it is as old as the older of them."""
        key = f"{plain}+{premium}"
        if key not in self.sources:
            parts = [self._known_sources[name] for name in (plain, premium)]
            oldest = min(parts, key=lambda part: part["as_of"] or "")
            self.sources[key] = {
                **oldest,
                "source": key,
                "citation": f"derived: {parts[0]['citation']}, times the premium of: "
                f"{parts[1]['citation']}",
            }
        return key


def _family(instance_type: str) -> str:
    """``ml.g5.xlarge`` is of the family ``ml.g5``; a name without sizes is its own family."""
    return instance_type.rpartition(".")[0] or instance_type


def _quota_class(platform: str, managed: str, plain: str) -> str:
    """Platforms keep quotas of their own: SageMaker instances by type, the others as the cloud."""
    if platform == "sagemaker":
        return f"sagemaker/{managed} instances"
    return f"{platform}/{plain.partition('/')[2]}" if plain else ""
