"""What changed about a lead since a moment, in parts that add up."""
