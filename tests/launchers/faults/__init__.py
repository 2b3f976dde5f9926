"""What can go wrong with a calibration run, and what must hold whatever did."""
