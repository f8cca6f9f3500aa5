"""The sections of the report, each made from what was trained."""
