"""The agents' side of SNMP: codec, security and answers."""
