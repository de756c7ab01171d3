"""A portal of three sites, as the portal's own tests have it."""

from tests.portal.conftest import shared_world, world

__all__ = ["shared_world", "world"]
