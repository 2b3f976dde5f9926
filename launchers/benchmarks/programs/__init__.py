"""Benchmark programs. Each is sent out as one file, with what it imports from here inside it.

They run where only Python and torch are; nothing else of this project may be imported.
"""
