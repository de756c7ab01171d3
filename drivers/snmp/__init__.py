"""The SNMP poll engine behind one seam."""
