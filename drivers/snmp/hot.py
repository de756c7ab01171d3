"""What polling spends its time in: in C where `_hot.c` was built, otherwise in Python, with equal results."""

try:
    from drivers.snmp._hot import header, id_of, read_integer, read_octets, tlv, values_named

    BUILT = True
except ImportError:
    from drivers.snmp.ber import header, id_of, read_integer, read_octets, tlv, values_named

    BUILT = False

__all__ = ["BUILT", "header", "id_of", "read_integer", "read_octets", "tlv", "values_named"]
