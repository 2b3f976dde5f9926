"""The command line as elsewhere."""

from tests.planner.conftest import child_environment, planner

__all__ = ["child_environment", "planner"]
