"""The portal's side of each kind of gateway: recorded addresses and one contract."""
