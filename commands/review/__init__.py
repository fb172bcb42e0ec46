"""make review: what a change would do to a stack's machines, and how their files differ."""
