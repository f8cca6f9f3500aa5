"""What tuning brings on data that the search has not seen."""
