"""Access points and a keyboard, as the tests of configuring have them."""

from tests.configure.conftest import ap, one_ap

__all__ = ["ap", "one_ap"]
