"""Offline jobs, each run as python -m training.<job>."""
