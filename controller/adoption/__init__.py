"""How a new device comes in: expected, claimed at its first boot, pinned, configured."""
