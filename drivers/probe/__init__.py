"""The citizen probe: what somebody with a new phone meets in the guests' network of a site.

A process of its own, `python -m drivers.probe`, because scapy is GPL-2.0-only: other rooms import nothing
of this package but `report`, which does without it.
"""
