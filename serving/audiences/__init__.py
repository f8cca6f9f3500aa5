"""Audiences: groups of leads to take into ad platforms and mail tools."""
