"""SageMaker is asked through AWS's price list and quotas: the fake AWS answers for it."""

from __future__ import annotations

from tests.fakes.aws import FakeAws


class FakeSageMaker(FakeAws):
    """The same server under the name of its source."""
