"""Several workloads decided jointly."""
