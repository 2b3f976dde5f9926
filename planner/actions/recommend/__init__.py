"""The cheapest configuration: chosen, explained, and what would change it."""
