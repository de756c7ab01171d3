"""Firmware: what an image says of itself, how it comes to a device, and how the device takes it."""
