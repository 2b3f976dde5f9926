"""The user's own torch model as a workload profile: no weights, no GPU, no training run.

``inputs`` reads what the command line says of the model's inputs, ``factory`` finds and calls what
builds the model, ``abstract`` runs torch without memory for values, ``operators`` says what one
operator costs, ``recorder`` adds them up by layer, ``recognise`` finds the dimensions a planner
needs, ``profile`` is the document. Nothing here is imported by the decision core, and torch only
inside ``run.trace``.
"""
