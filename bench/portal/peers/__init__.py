"""Those that do the same work as our portal."""
