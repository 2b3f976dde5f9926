"""What the sources on AWS share: an account to ask, or public files where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from catalog.sources.aws_account import AwsAccount
from catalog.sources.aws_api import AwsApi
from catalog.sources.aws_errors import CREDENTIALS, EXTRA, session_problem
from catalog.sources.aws_public import AwsPublic
from catalog.sources.base import FetchFailed, Missing, Source

# Government and Chinese regions need accounts of their own.
OTHER_PARTITIONS = ("us-gov-", "cn-", "us-iso", "eu-isoe", "eusc-")


class AwsBase(Source):
    """``account`` is asked where there are credentials, else ``public`` files are read."""

    def __init__(self) -> None:
        self.api = AwsApi()
        self.account = AwsAccount(self.api)
        self.public = AwsPublic()
        self._lacks: list[Missing | None] = []  # empty: not looked for yet

    def missing(self) -> Missing | None:
        """What makes AWS unusable: a configuration that is there and broken. Not its absence."""
        try:
            lack = self.lack()
        except Exception as error:  # noqa: BLE001  (profile files fail in many ways; all are told)
            return Missing(*session_problem(error))
        if lack is not None:
            # What only an account knows is not asked for, rather than reported as failed; what is
            # lacking, and what to run, is said by `planner doctor` in the place of ``needs``.
            self.kinds, self.has_quotas, self.needs = self.public_kinds, False, self.note
        return None

    @property
    def note(self) -> str:
        """What is not asked for want of credentials, and what to run; empty with them.

        Raises what ``lack`` raises.
        """
        lack = self.lack()
        return f"{lack.what}: {self.without_account}; {lack.remedy}" if lack else ""

    # Purchase kinds of the public files, and what it means to have no account, in words.
    public_kinds: ClassVar[tuple[str, ...]]
    without_account: ClassVar[str]

    def lack(self) -> Missing | None:
        """What keeps the account from being asked; None when it can be.

        Raises what botocore raises for profiles and files it cannot use.
        """
        if not self._lacks:
            if not self.api.installed():
                self._lacks.append(Missing("boto3 is not installed", EXTRA))
            elif not self.api.has_credentials():
                self._lacks.append(Missing("no AWS credentials found", CREDENTIALS))
            else:
                self._lacks.append(None)
        return self._lacks[0]

    def checked_lack(self) -> Missing | None:
        """``lack``, where one is fetching. Raises FetchFailed."""
        try:
            return self.lack()
        except Exception as error:  # noqa: BLE001  (as in missing)
            raise FetchFailed(*session_problem(error)) from None

    def regions(self, known: Sequence[str]) -> list[str]:
        return [region for region in known if not region.startswith(OTHER_PARTITIONS)]
