"""Screens, one a file with its style sheet beside it. Only screens call ``planner.actions``."""
