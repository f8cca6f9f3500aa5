"""How fast features are built, beside DuckDB."""
