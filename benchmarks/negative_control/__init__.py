"""Trial organisations whose conversion has nothing to do with their activity: an honest answer is "no signal"."""
