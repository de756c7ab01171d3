"""A grant's bounds in the units of controllers: rounded up, so that nobody gets less than was promised."""

LEAST_KBPS = 2
MOST_KBPS = 100_000


def minutes(seconds: int) -> int:
    """Whole minutes, at least one."""
    return max(1, -(-seconds // 60))


def megabytes(octets: int) -> int:
    """Whole megabytes of 10^6 octets, at least one."""
    return max(1, -(-octets // 1_000_000))


def kbps(rate: int) -> int:
    """A rate within what UniFi takes, 2 to 100,000 kbit/s."""
    return min(max(rate, LEAST_KBPS), MOST_KBPS)
