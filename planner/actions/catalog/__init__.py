"""Questions to the catalog, its refreshes and the overlays on it."""
