"""What citizens meet: pages, sessions, grants."""
