"""What the checker reports: locations, rules, findings and their rendering."""
