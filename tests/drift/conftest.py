"""The access points and the keyboard of the tests of configuring."""

from tests.configure.conftest import one_ap, plaza

__all__ = ["one_ap", "plaza"]
