"""A mix of machine types for one service, checked by simulation."""
