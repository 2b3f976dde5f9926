"""What a measurement is worth before it is made: expected regret removed per dollar."""
