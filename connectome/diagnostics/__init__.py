"""What the checker says, and how: places, rules, findings and their rendering."""
