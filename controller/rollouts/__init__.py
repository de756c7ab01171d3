"""Changes of many devices over hours or days: waves, checks between them, and what is journalled of both."""
