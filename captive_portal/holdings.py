"""What each table of the portal holds of one citizen, in the citizen's words, and for how long."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Table

from captive_portal.gateway_tables import (
    device_blocks,
    emergencies,
    gateway_alarms,
    gateway_boxes,
    gateway_policies,
    gateway_pulses,
)
from captive_portal.monthly_tables import device_counts, device_keys
from captive_portal.radius.tables import associations
from captive_portal.retention import Retention
from captive_portal.sessions import SEEN
from captive_portal.tables import (
    enforcements,
    gateway_events,
    late_slots,
    legal_records,
    notices,
    portal_counts,
    portal_reasons,
    pseudonym_keys,
    sessions,
    voucher_batches,
    voucher_uses,
    vouchers,
    waiting_grants,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose rows: sessions, the sites where they were, the hashes of vouchers, and what our own gateways call
    a telephone."""

    sessions: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    vouchers: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Holding:
    """A table with rows of a citizen: which ones, what each column is and how long they live, in Spanish."""

    table: Table
    rows: Callable[[Subject], ColumnElement[bool]]
    fields: Mapping[str, str]
    kept: Callable[[Retention], str]


_NUMBER: Final = "Número al azar de tu conexión."
_SITE: Final = "Clave del lugar."
_ADDRESS: Final = "La dirección de tu teléfono, cifrada. Aquí no se abre."
_LASTING: Final = "Marca de tu teléfono en ese lugar. No cambia cada día."
_BOX: Final = "Número al azar del equipo del lugar."
_VOUCHER: Final = "Huella de tu vale. No es su código."


def _of_sessions(table: Table) -> Callable[[Subject], ColumnElement[bool]]:
    return lambda subject: table.c.acctuniqueid.in_(subject.sessions)


def _of_vouchers(table: Table) -> Callable[[Subject], ColumnElement[bool]]:
    return lambda subject: table.c.hash.in_(subject.vouchers)


def _of_devices(table: Table) -> Callable[[Subject], ColumnElement[bool]]:
    return lambda subject: table.c.device.in_(subject.devices)


def _seen(subject: Subject) -> ColumnElement[bool]:
    names = [f"{SEEN}{session}" for session in subject.sessions]
    return gateway_events.c.site.in_(subject.sites) & gateway_events.c.event.in_(names)


_SESSION: Final = Holding(
    sessions,
    _of_sessions(sessions),
    {
        "acctuniqueid": _NUMBER,
        "site": _SITE,
        "device": "Marca de tu teléfono. Se hace con una clave de ese día.",
        "plan": "Nombre de lo que te tocó.",
        "granted_at": "Cuándo tocaste el botón.",
        "acctstarttime": "Cuándo se abrió la puerta.",
        "expires_at": "Hasta cuándo podía durar.",
        "acctstoptime": "Cuándo terminó.",
        "acctterminatecause": "Por qué terminó, en la palabra del equipo.",
        "acctsessiontime": "Cuántos segundos duró.",
        "acctinputoctets": "Cuántos bytes subiste.",
        "acctoutputoctets": "Cuántos bytes bajaste.",
        "dismissed_at": "Cuándo se pidió terminarla.",
        "octets_max": "Tope de bytes. Cero es sin tope.",
        "down_kbps": "Velocidad de bajada en kbit/s. Cero es sin tope.",
        "up_kbps": "Velocidad de subida en kbit/s. Cero es sin tope.",
        "active_at": "Cuándo usaste datos por última vez.",
        "notice": "Versión del aviso de privacidad que valía al entrar.",
        "box": _BOX,
        "probe": "Cero: eras tú. Uno: fue una prueba nuestra.",
    },
    lambda periods: f"{periods.sessions.days} días después de que termina.",
)

_ENFORCEMENT: Final = Holding(
    enforcements,
    _of_sessions(enforcements),
    {
        "acctuniqueid": _NUMBER,
        "site": _SITE,
        "sealed": _ADDRESS,
        "until": "Hasta cuándo la necesita el equipo del lugar.",
    },
    lambda _periods: "Mientras dura tu conexión.",
)

_WAITING: Final = Holding(
    waiting_grants,
    _of_sessions(waiting_grants),
    {
        "acctuniqueid": _NUMBER,
        "site": _SITE,
        "sealed": "El permiso que espera el equipo del lugar, cifrado.",
        "made_at": "Cuándo tocaste el botón.",
    },
    lambda _periods: "Un minuto.",
)

_LEGAL: Final = Holding(
    legal_records,
    _of_sessions(legal_records),
    {
        "acctuniqueid": _NUMBER,
        "site": _SITE,
        "sealed": f"{_ADDRESS} Con ella, su número de red y cuándo entraste.",
        "delete_at": "Cuándo se borra.",
    },
    lambda _periods: "Hasta su fecha, como se firmó. No se borra antes.",
)

_EVENT: Final = Holding(
    gateway_events,
    _seen,
    {
        "site": _SITE,
        "event": "Aviso de que se abrió la puerta de tu conexión.",
        "received_at": "Cuándo llegó el aviso.",
    },
    lambda periods: f"{periods.gateway_events.days} días.",
)

_ASSOCIATION: Final = Holding(
    associations,
    _of_sessions(associations),
    {
        "site": _SITE,
        "association": "Huella de tu paso por una antena.",
        "nas": "Huella de la antena.",
        "acctuniqueid": _NUMBER,
        "acctsessiontime": "Cuántos segundos estuviste en ella.",
        "acctinputoctets": "Cuántos bytes subiste.",
        "acctoutputoctets": "Cuántos bytes bajaste.",
        "acctstoptime": "Cuándo la dejaste.",
        "acctterminatecause": "Por qué, en la palabra de la antena.",
        "heard_at": "Cuándo avisó la antena por última vez.",
    },
    lambda periods: f"{periods.radius_associations.days} días después del último aviso.",
)

_VOUCHER_ROW: Final = Holding(
    vouchers,
    _of_vouchers(vouchers),
    {
        "hash": _VOUCHER,
        "batch": "Lote en que se imprimió.",
        "number": "Su número en el lote.",
        "revoked_at": "Cuándo dejó de valer.",
    },
    lambda _periods: "Sin plazo: no dice de quién es.",
)

_VOUCHER_USE: Final = Holding(
    voucher_uses,
    _of_vouchers(voucher_uses),
    {
        "hash": _VOUCHER,
        "device": "Marca de un teléfono. Solo se hace con el código del vale.",
        "used_at": "Cuándo se usó por primera vez.",
    },
    lambda periods: f"{periods.voucher_uses.days} días después de que vence el lote.",
)

_BLOCK: Final = Holding(
    device_blocks,
    _of_devices(device_blocks),
    {
        "block": "Número al azar de la decisión.",
        "site": _SITE,
        "device": _LASTING,
        "reason": "Por qué tu teléfono no puede entrar.",
        "author": "Quién lo decidió.",
        "made_at": "Cuándo se decidió.",
        "until": "Hasta cuándo vale.",
        "lifted_at": "Cuándo se quitó antes de tiempo.",
        "lifted_by": "Quién lo quitó.",
    },
    lambda periods: f"{periods.device_blocks.days} días después de que deja de valer.",
)

_ALARM: Final = Holding(
    gateway_alarms,
    _of_devices(gateway_alarms),
    {
        "site": _SITE,
        "box": _BOX,
        "seq": "Su número entre los avisos del equipo.",
        "at": "Cuándo pasó.",
        "received_at": "Cuándo llegó el aviso.",
        "cause": "Qué vio el equipo, en su palabra.",
        "device": _LASTING,
        "seconds": "Cuántos segundos duró.",
        "told": "Números del lugar entero.",
    },
    lambda periods: f"{periods.gateway_alarms.days} días.",
)

HOLDINGS: Final = (
    _SESSION,
    _ENFORCEMENT,
    _WAITING,
    _LEGAL,
    _EVENT,
    _ASSOCIATION,
    _VOUCHER_ROW,
    _VOUCHER_USE,
    _BLOCK,
    _ALARM,
)

OF_NOBODY: Final = frozenset(
    {
        *(notices, voucher_batches, pseudonym_keys, portal_counts, portal_reasons),
        *(gateway_boxes, gateway_policies, gateway_pulses, emergencies),
        *(device_keys, device_counts, late_slots),
    }
)
"""Tables without a row of anybody: sums, keys, words, and what staff ordered to be printed or to hold. The
policy of a site repeats who is kept out; an erasure empties it, and it is made anew. A trace in the sketch of
a running term is nobody's alone, and cannot be taken out."""

MOMENTS: Final = frozenset(
    {
        *("granted_at", "acctstarttime", "expires_at", "acctstoptime", "dismissed_at", "active_at"),
        *("until", "made_at", "delete_at", "received_at", "heard_at", "revoked_at", "used_at"),
        *("lifted_at", "at"),
    }
)
"""Columns that are UTC epoch seconds."""
