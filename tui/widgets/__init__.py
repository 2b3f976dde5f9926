"""Widgets, one a file: they draw what ``planner.actions`` gives and post dataclass messages."""
