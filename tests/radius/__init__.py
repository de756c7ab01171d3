"""RADIUS with a real FreeRADIUS: what it asks us, what it is answered, what an access point does."""
