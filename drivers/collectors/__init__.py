"""Where there is no SNMP: one file per vendor's own way of telling, each read-only, all into the one catalogue."""
