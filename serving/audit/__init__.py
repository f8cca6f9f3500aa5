"""Who read or changed what: the audit log, how requests come into it, and how it is read."""
