"""Learned performance: analytic time of any set-up, corrected by what was measured.

``predict_rows`` answers observation-like rows, ``setups`` many variants of one workload at once,
``neighbours`` names the observations behind an answer. ``fit`` and ``validation`` need the extra
``fit``; nothing else here imports a learning library.
"""

from planner.performance.learned.model import RowPrediction, predict_rows

__all__ = ["RowPrediction", "predict_rows"]
