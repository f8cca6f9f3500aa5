"""The Flask service: API, pages, background work."""
