"""A grant's bounds in the units of controllers: rounded up, so that nobody gets less than was promised."""


def minutes(seconds: int) -> int:
    """Whole minutes, at least one."""
    return max(1, -(-seconds // 60))


def megabytes(octets: int) -> int:
    """Whole megabytes of 10^6 octets, at least one."""
    return max(1, -(-octets // 1_000_000))
