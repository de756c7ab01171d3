"""One configurer per platform: how it is read, what of it is ours, and how a change is made there safely."""
