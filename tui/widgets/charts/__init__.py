"""Charts: what they are drawn on, and what is drawn."""
