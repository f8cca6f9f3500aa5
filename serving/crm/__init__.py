"""What a CRM tells and asks: outcomes, calls, owners, exports; leads and their timelines."""
