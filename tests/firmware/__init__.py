"""Firmware: images, their way to a site, and the flash, against real SSH servers."""
