"""Events taken over HTTP beside a bare executemany."""
