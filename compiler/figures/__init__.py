"""Pictures of what a spec compiles to: the masks of attention, and the routing graph over time."""
