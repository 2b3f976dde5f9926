"""Calibration: runs planned, made, imported, judged, and what they change."""
