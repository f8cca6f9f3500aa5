"""Events from the clients that marketing teams already run: the Segment HTTP tracking API."""
