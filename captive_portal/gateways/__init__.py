"""The portal's side of each kind of gateway."""
