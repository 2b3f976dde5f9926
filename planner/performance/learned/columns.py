"""Rows as columns of numbers, the form in which all formulas and learners read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Columns = dict[str, FloatArray]  # name -> one number a row; NaN is unknown
