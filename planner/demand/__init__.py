"""Demand over a horizon: named shapes, and readers of CSV files and monitoring exports."""
