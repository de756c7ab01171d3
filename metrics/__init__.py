"""Numbers and where they go."""
