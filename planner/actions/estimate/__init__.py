"""How fast one workload runs, how sure that is, and the fit behind it."""
