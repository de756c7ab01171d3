"""Firmware images: kept here, brought once to each site, and flashed as a rollout."""
