"""The use cases behind ``planner report``: what a page needs beyond the saved result."""
