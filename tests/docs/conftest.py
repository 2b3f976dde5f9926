from tests.planner.conftest import planner

__all__ = ["planner"]
