"""Reports over HTTP: what marketing and sales brought, and whether the model kept its word."""
