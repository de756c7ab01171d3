"""Decides what every access point and site should be, when, and proves it."""
