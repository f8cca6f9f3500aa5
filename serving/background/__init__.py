"""Work that goes on beside the requests, each kind of it in one process of all at a time."""
