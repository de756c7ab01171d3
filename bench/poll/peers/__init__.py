"""One file per client that is measured: how it is had, and the same poll in its own terms."""
