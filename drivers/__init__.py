"""Everything that touches a device."""
