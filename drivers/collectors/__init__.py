"""Where there is no SNMP: one file per vendor's own way of telling, read-only, all into the one catalogue."""
