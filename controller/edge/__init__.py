"""Machine-to-machine HTTP: what site gateways say, and what they are told."""
