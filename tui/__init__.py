"""Terminal interface of the planner.

Private package of the ``ai-capacity-planner`` distribution (public API: ``planner``). It computes
nothing: every figure comes from ``planner.actions``.
"""
