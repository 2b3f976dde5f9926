"""Is this installation whole, and what is missing?"""
