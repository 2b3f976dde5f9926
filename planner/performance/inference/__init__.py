"""Inference: services, batches, vision, edge devices and generic work, on serving units.

One column of ``machines`` is a serving unit: ``nodes`` machines that hold at least one replica
together. Throughput is that of all replicas of the unit.
"""
