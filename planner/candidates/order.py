"""Which of several candidates comes first."""

from __future__ import annotations

import numpy as np

from planner.candidates.columns import Candidates, Floats, Rows

# Prices are billed in steps, so that whole groups of plans cost exactly the same; costs summed in
# another order may differ in their last digit all the same.
USD_DECIMALS = 9


def comparable_usd(candidates: Candidates, rows: Rows) -> Floats:
    """What candidates cost, shape (len(rows),): the same number where they cost the same."""
    return np.round(candidates.usd[rows], USD_DECIMALS)


def cheapest_first(candidates: Candidates, rows: Rows) -> Rows:
    """The rows by cost; of the same cost the one that ends sooner, then the first."""
    usd = comparable_usd(candidates, rows)
    order: Rows = rows[np.lexsort((candidates.hours[rows], usd))]
    return order
