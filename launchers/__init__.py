"""Running benchmarks: here or through SkyPilot, with a ledger of what may still cost money.

Private package of the ``ai-capacity-planner`` distribution (public API: ``planner``). It imports
only ``catalog``; a cost estimate is handed to it. torch and SkyPilot are imported only inside
the functions that run them.
"""
