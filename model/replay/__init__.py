"""What calling by a rule would have come to: every lead of the past, day by day, called at most once."""
