"""Renders a wish into UCI."""

from drivers import render
from drivers.configurers.openwrt import uci
from drivers.configurers.openwrt.dialect import Dialect
from drivers.configurers.openwrt.uci import Config
from drivers.configurers.seam import Wish


def rendered(dialect: Dialect, wish: Wish, running: Config) -> Config:
    """What this device should hold of the keys we own, addressed as in its running configuration.

    Raises ValueRefused, ConfigRejected or UnexpectedReply; no error shows a secret.
    """
    values = dialect.view(wish, running)
    try:
        return uci.parse(render.text(dialect.template, "uci", uci.quote, values))
    except ValueError as error:
        secrets = (wish.passphrases, wish.portal_secrets)
        render.refuse(wish.intent, secrets, uci.quote, error)
