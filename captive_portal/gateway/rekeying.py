"""The site's key of a later epoch: heard under a pad, kept on the disk, and found again at the next start."""

import logging
from typing import Final

from captive_portal.gateway import signed
from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.monthly import Marker
from captive_portal.gateway.protocol import Rekey

KEPT: Final = "key"
PURPOSE: Final = "kept-key"

log = logging.getLogger(__name__)


def keyring(installed: SiteKey, journal: Journal, marker: Marker | None = None) -> Keyring:
    """The keys that were installed, or those of a later epoch that were kept since.

    What was kept under another installed key, of another site or of before the controller's was changed, is
    not ours any more.
    """
    found = Keyring(installed, marker)
    text, _, signature = journal.fact(KEPT).partition(" ")
    if signature and signed.genuine(installed.names, PURPOSE, text.encode(), signature):
        epoch, _, key = text.partition(":")
        found.adopt(int(epoch), bytes.fromhex(key))
    return found


def adopt(keys: Keyring, journal: Journal, rekey: Rekey, nonce: str) -> bool:
    """Sign with the key that the answer to the question with this nonce tells; whether it is later.

    It is kept first. A power cut between leaves the former key, which the controller believes until the next.
    """
    now = keys.current
    if rekey.epoch <= now.epoch:
        return False
    key = signed.padded(now.key, nonce, rekey.epoch, rekey.padded)
    text = f"{rekey.epoch}:{key.hex()}"
    journal.keep(KEPT, f"{text} {signed.sign(now.names, PURPOSE, text.encode())}")
    log.info("key of a later epoch", extra={"epoch": rekey.epoch})
    return keys.adopt(rekey.epoch, key)
