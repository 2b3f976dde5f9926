"""One question asked in every combination of its fields, here or on Ray."""
