"""Rules that need the compiled graph: what is reached, what is read, what it costs."""
