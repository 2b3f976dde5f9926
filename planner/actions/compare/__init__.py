"""Two sides held against each other, and where the cheaper one flips."""
