"""The service under load, beside the least that the same server can do and beside `mlflow models serve`."""
