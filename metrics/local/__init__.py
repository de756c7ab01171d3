"""The embedded store: one SQLite file per UTC day with its journal inside, and rollups beside it."""
