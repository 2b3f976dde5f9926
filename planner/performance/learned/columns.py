"""Rows as columns of numbers, the form in which all formulas and learners read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
# log of tokens/s and device by the step time of a plan; NaN where that says nothing
STEP_RATE = "log_step_rate"
Columns = dict[str, FloatArray]  # name -> one number a row; NaN is unknown
