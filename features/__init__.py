"""The engagement history of leads, and what can be seen in it at a moment."""
