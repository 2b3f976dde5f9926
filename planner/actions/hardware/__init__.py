"""The use cases behind ``planner hardware``: datasheets, prices, rooflines, and who wins when."""
