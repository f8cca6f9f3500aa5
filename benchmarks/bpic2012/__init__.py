"""BPI Challenge 2012: real input from end to end."""
