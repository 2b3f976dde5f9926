"""Tables: how they are filled and painted, and what stands in them."""
