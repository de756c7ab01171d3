"""How our own gateway asks for a grant and is given one: signed tokens that the phone carries."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateway import monthly
from captive_portal.gateway.ticket import BadToken, Fields, seal, unseal
from captive_portal.model import Admitted, Arrival, Grant, Redirect, Ticket, Wiring

MAX_FIELDS: Final = 16


class PlazaGateway:
    """The portal's side of the gateway of one site (style A), at `wiring.api_url`: stateless."""

    def __init__(self, wiring: Wiring, clock: Callable[[], datetime]) -> None:
        self._wiring = wiring
        self._clock = clock

    def read(self, query: str) -> Arrival:
        """The arrival in `a=`. Raises ArrivalInvalid unless this site's gateway signed it."""
        fields, epoch = self._fields("arrival", query, "a")
        return Arrival(
            site=self._wiring.site,
            device=self._text(fields, "device"),
            binding=self._text(fields, "binding"),
            stamp=self._text(fields, "stamp"),
            nonce=self._text(fields, "nonce"),
            session=str(fields.get("session", "")),
            epoch=epoch,
            mark=monthly.read(str(fields.get("month", ""))),
        )

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Redirect:
        """The phone carries a ticket to its gateway. One arrival opens one door: the nonce is its own.

        The gateway that made the arrival knows the key of its epoch, and perhaps no later one. What
        `wiring.landing` says in `?s=` comes back with the phone to the page after. Raises ArrivalInvalid when
        that epoch is not believed any more.
        """
        key = self._wiring.keys.of(arrival.epoch)
        if key is None:
            raise ArrivalInvalid(self._wiring.site, "the arrival is of a key that is not believed any more")
        ticket: Fields = {
            "site": arrival.site,
            "device": arrival.device,
            "binding": arrival.binding,
            "stamp": arrival.stamp,
            "nonce": arrival.nonce,
            "session": grant.session,
            "seconds": grant.seconds,
            "octets": grant.octets,
            "issued": int(self._clock().timestamp()),
            "lang": language,
        }
        status = parse_qs(urlsplit(self._wiring.landing).query).get("s", [""])[0]
        told: Fields = {"total": grant.total, "longer": int(grant.longer), "status": status}
        told |= {"rate_down": grant.down_kbps, "rate_up": grant.up_kbps}
        ticket |= {name: value for name, value in told.items() if value}
        return Redirect(f"{self._wiring.api_url}/grant?g={seal(key, 'ticket', ticket)}")

    def renew(self, query: str) -> Ticket:
        """The ticket in `g=` and the fresh arrival in `a=`. Raises ArrivalInvalid unless of one phone."""
        arrival = self.read(query)
        fields, _ = self._fields("ticket", query, "g")
        if self._text(fields, "device") != arrival.device:
            raise ArrivalInvalid(self._wiring.site, "the ticket is another phone's")
        return Ticket(
            arrival=arrival,
            session=self._text(fields, "session"),
            language=self._text(fields, "lang"),
            issued=datetime.fromtimestamp(self._number(fields, "issued"), UTC),
        )

    def dismiss(self, admitted: Admitted) -> bool:
        """The gateway asks for whom to let go, at its next sync."""
        return False

    def account(self, admitted: Sequence[Admitted]) -> None:
        """The gateway tells what was used by itself, at each sync."""

    def _fields(self, purpose: str, query: str, name: str) -> tuple[Fields, int]:
        """The fields of a token, and the epoch of the key that signed it. Raises ArrivalInvalid."""
        try:
            (token,) = parse_qs(query, max_num_fields=MAX_FIELDS).get(name, [""])
            fields, epoch = self._unsealed(purpose, token)
        except (BadToken, ValueError) as error:
            raise ArrivalInvalid(self._wiring.site, f"the {purpose} cannot be believed") from error
        if fields.get("site") != self._wiring.site:
            raise ArrivalInvalid(self._wiring.site, f"the {purpose} is of another site")
        return fields, epoch

    def _unsealed(self, purpose: str, token: str) -> tuple[Fields, int]:
        """Raises BadToken."""
        *others, last = self._wiring.keys.by_epoch()
        for epoch, key in others:
            try:
                return unseal(key, purpose, token), epoch
            except BadToken:
                continue
        return unseal(last[1], purpose, token), last[0]

    def _text(self, fields: Fields, name: str) -> str:
        value = fields.get(name)
        if not isinstance(value, str):
            raise ArrivalInvalid(self._wiring.site, f"{name} is missing")
        return value

    def _number(self, fields: Fields, name: str) -> int:
        value = fields.get(name)
        if not isinstance(value, int):
            raise ArrivalInvalid(self._wiring.site, f"{name} is missing")
        return value
