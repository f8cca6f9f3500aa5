"""Whom to call on which of the coming working days, under each salesperson's capacity."""
