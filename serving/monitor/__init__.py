"""What the last runs of python -m training.monitor found, as JSON, as a page and for Prometheus."""
