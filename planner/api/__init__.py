"""The Python API: what the commands answer, as functions.

    import planner

    plan = planner.recommend("examples/serve-llama-70b.yaml", where={"clouds": ["aws", "gcp"]})
    print(plan.headline)
    table = planner.to_pandas(plan)

A question is a file's path or a mapping with the same fields; what is said beside it replaces its
fields, as flags do on the command line. Answers are those of the commands' JSON. Every function
opens the catalog anew unless it is given a ``session`` (``open_session()``), which is worth it for
more than a few questions.

All raise ``BadInput`` for a question that cannot be used and ``Infeasible`` where nothing meets the
limits; ``catalog.CatalogError`` for a catalog that cannot be read. Nothing is printed, nothing is
written, nothing is rented.
"""
