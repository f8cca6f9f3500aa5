"""What marketing and sales brought, and whether the model kept its word: pure functions. docs/measurement.md says what
each figure means.
"""
