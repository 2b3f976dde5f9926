"""Learned performance: analytic time of any observation-like row, corrected by what was measured.

``predict_rows`` answers rows; ``fit.fit`` and ``validation.validate`` need the fit-time libraries.
"""

from planner.performance.learned.model import RowPrediction, predict_rows

__all__ = ["RowPrediction", "predict_rows"]
