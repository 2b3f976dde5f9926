"""The command line of the planner's own tests."""

from tests.planner.conftest import child_environment, planner

__all__ = ["child_environment", "planner"]
