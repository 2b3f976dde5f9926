"""Nebius through its SDK: the presets of a project's region, priced by the billing calculator.

Needs the ``nebius`` extra, an account and a project in each region. Credentials are those of the
``nebius`` command: NEBIUS_IAM_TOKEN, its profile, or a service account's credentials file.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from catalog.sources.base import Fetched, FetchFailed, Missing, Source
from catalog.sources.cloud_rows import Terms
from catalog.sources.endpoints import endpoint, variable
from catalog.sources.http_source import fetched
from catalog.sources.nebius_rows import Access, priced_presets
from catalog.sources.scrub import scrub

INSTALL = "pip install 'ai-capacity-planner[nebius]'"
CREDENTIALS = (
    "run `nebius profile create`, or set NEBIUS_IAM_TOKEN to the output of "
    "`nebius iam get-access-token`"
)
PROFILE = ".nebius/config.yaml"
SERVICE_ACCOUNT = ".nebius/credentials.json"


class NebiusSource(Source):
    name: ClassVar[str] = "nebius"
    cloud: ClassVar[str] = "nebius"
    kinds: tuple[str, ...] = ("on_demand", "spot")
    needs: str = "the nebius extra, Nebius credentials and a project in each region"
    workers: ClassVar[int] = 2
    # Nebius bills by the second.
    terms: ClassVar[Terms] = Terms("nebius", 1, 1)

    def missing(self) -> Missing | None:
        if find_spec("nebius") is None:
            return Missing("the Nebius SDK is not installed", INSTALL)
        try:
            access = self._access()
        except FetchFailed as error:
            return Missing(error.problem, error.remedy)
        profile = Path.home() / PROFILE
        if not (access.token or access.credentials_file or profile.is_file()):
            return Missing(
                f"no Nebius credentials (NEBIUS_IAM_TOKEN, ~/{PROFILE} or ~/{SERVICE_ACCOUNT})",
                CREDENTIALS,
            )
        return None

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        access = self._access()
        try:
            from catalog.sources.nebius_calls import estimates
        except ImportError as error:
            raise FetchFailed(f"the Nebius SDK lacks {error.name}", INSTALL) from None
        try:
            asked = estimates(access, region, kind == "spot", deadline)
            priced, rejects = priced_presets(asked, kind)
        except (FetchFailed, KeyboardInterrupt):
            raise
        except Exception as error:
            if not type(error).__module__.startswith(("nebius.", "grpc")):
                raise  # a bug of ours must show as one
            said = scrub(str(error), [access.token])
            problem = f"Nebius SDK: {type(error).__name__}: {said}"
            raise FetchFailed(problem, CREDENTIALS) from None
        source = f"Nebius PlatformService.List and CalculatorService.EstimateBatch, {region}"
        return fetched(self.terms, region, kind, priced, rejects, source)

    def _access(self) -> Access:
        """Raises FetchFailed for an endpoint that is not https."""
        moved = os.environ.get(variable(self.name), "").strip()
        base_url = endpoint(self.name, moved) if moved else ""
        token = os.environ.get("NEBIUS_IAM_TOKEN", "").strip()
        file = Path.home() / SERVICE_ACCOUNT
        profile = Path.home() / PROFILE
        use_file = not token and not profile.is_file() and file.is_file()
        return Access(token, str(file) if use_file else "", base_url)
