"""How fast the log takes events and gives them back."""
