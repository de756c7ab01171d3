"""The clients; each runs in a process of its own, some in an environment of the bench's own."""
