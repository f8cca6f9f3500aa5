"""Handoffs: the moments at which a lead's purchase window opens and sales should call."""
