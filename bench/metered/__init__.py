"""What polling costs on the wire: bytes per access point and day, for each platform and profile."""
