"""What a function costs, from list prices."""
