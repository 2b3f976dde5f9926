"""Plans that give short requests to one kind of machine and long ones to another."""
