"""The capacity program: what to commit, buy, rent and run over a horizon of demand.

``spec`` is what users write, ``fleet`` the same as arrays, ``formulation`` the program,
``recourse`` prices a plan on every period, ``partition`` groups periods, ``program`` closes the
gap between both bounds, ``coupled`` handles what ties periods together.
"""
