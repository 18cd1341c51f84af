"""The checker's rules, one family a file."""
