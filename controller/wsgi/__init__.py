"""The WSGI applications, each in a module of its own, for a process that imports nothing of the others'."""
