"""Reading interchange tables: CSV (plain or gzip) and Parquet, into events and spend.

A row that cannot be used is refused alone, with its file, line, column and reason; the others are kept.
What concerns a whole file (it is empty, a column is missing, it is UTF-16) is an InputError, raised before any row
is handed on.
"""

from features.tables.folder import Count, Folder, Tables, read_tables
from features.tables.parts import Part
from features.tables.requests import read_requests
from features.tables.sources import Reject

__all__ = ["Count", "Folder", "Part", "Reject", "Tables", "read_requests", "read_tables"]
