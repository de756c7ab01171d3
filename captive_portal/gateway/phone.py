"""A phone as the enforcer knows it, and the pseudonyms by which everybody else does."""

from dataclasses import dataclass

from captive_portal.gateway.ticket import pseudonym


@dataclass(frozen=True, slots=True)
class Phone:
    """A MAC (lower case, colons) with the IPv4 address it uses now; neither is ever shown."""

    mac: str
    ip: str

    def __repr__(self) -> str:
        return "Phone(…)"

    def device(self, key: bytes) -> str:
        """The pseudonym of the MAC under this site's key."""
        return pseudonym(key, "device", self.mac)

    def binding(self, key: bytes) -> str:
        """The pseudonym of MAC and address together: what a ticket is bound to."""
        return pseudonym(key, "binding", self.mac, self.ip)
