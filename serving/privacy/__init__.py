"""Personal data: all that is known about a lead, and its erasure."""
