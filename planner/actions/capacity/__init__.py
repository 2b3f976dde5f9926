"""A horizon of demand: the plan, its front, its break-even, and what a screen shows of them."""
