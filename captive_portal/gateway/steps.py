"""The steps of a transaction: messages that open and shut doors, of which the kernel does all or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from captive_portal.gateway import doors
from captive_portal.gateway.elements import Element, Quota, Table
from captive_portal.gateway.enforcer import Terms
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.netlink import Message
from captive_portal.gateway.phone import Phone


@dataclass(frozen=True, slots=True)
class Steps:
    """Those on one table."""

    table: Table

    def opened(self, phone: Phone, terms: Terms, number: int, used: int) -> list[Message]:
        """Open a door, `used` octets of whose cap are used. Raises EnforcerFailed."""
        try:
            made = self.added(doors.door(phone, terms, number))
        except ValueError:
            raise EnforcerFailed("no phone has such an address") from None
        if terms.ceiling.here:
            quota = Quota(doors.quota_name(number), terms.ceiling.here, used)
            made += [self.table.quota(quota), self.table.added(doors.purse(number))]
        return made

    def shut(self, number: int, elements: Sequence[Element]) -> list[Message]:
        """Take out the elements of a session, and its quota, whether or not they are there."""
        name = doors.quota_name(number)
        return [self.table.quota(Quota(name, 1)), *self.freed(elements), self.table.quota_removed(name)]

    def freed(self, elements: Sequence[Element]) -> list[Message]:
        """Take these out, whether or not they are there."""
        # the kernel undoes all when it shall remove what is not there: so that is put in before
        return [*self.added(elements), *map(self.table.removed, elements)]

    def added(self, elements: Sequence[Element]) -> list[Message]:
        """Put these in."""
        return [*map(self.table.added, elements)]
