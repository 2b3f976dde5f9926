"""Widgets, one a file. They draw what ``planner.actions`` gives them and post dataclass messages."""
