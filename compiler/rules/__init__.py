"""Rules that need the compiled graph: reachability, use and cost."""
