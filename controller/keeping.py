"""How long the portal keeps what, as the settings say: the same for every role."""

from datetime import timedelta

from captive_portal.retention import Retention
from controller.settings import Settings


def retention(settings: Settings) -> Retention:
    """The periods of the store, and when the day of the pseudonyms' key begins."""
    return Retention(
        sessions=timedelta(days=settings.session_days),
        day_begins=timedelta(hours=settings.pseudonym_hour_utc),
    )
