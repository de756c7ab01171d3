"""Outages as incidents: one of each root cause, with why we think so, since when, and who has it."""
