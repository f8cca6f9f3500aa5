"""The dossier: everything that is known about a lead, for the salesperson who is to call it."""
