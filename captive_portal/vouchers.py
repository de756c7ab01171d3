"""Vouchers in the relational store: a batch is issued whole, a use is durable before it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, insert, select

from captive_portal.model import Plan, PortalSite, Refusal, RefusalReason
from captive_portal.tables import voucher_batches, voucher_uses, vouchers
from captive_portal.voucher_codes import hashed, normalised, pseudonym

UNKNOWN: Final = Refusal(RefusalReason.VOUCHER_UNKNOWN)
EXPIRED: Final = Refusal(RefusalReason.VOUCHER_EXPIRED)
USED: Final = Refusal(RefusalReason.VOUCHER_USED)


@dataclass(frozen=True, slots=True)
class Batch:
    """Vouchers that were made together; `site` is a site's or a municipality's key.

    Each voucher gives each of `devices` devices one session of `plan`, until `expires_at`.
    """

    name: str
    site: str
    plan: Plan
    devices: int
    made_at: datetime
    made_by: str
    expires_at: datetime
    why: str


def issue(connection: Connection, key: bytes, batch: Batch, codes: Sequence[str]) -> None:
    """Store a batch and the hashes of its normalised codes, numbered from 1, in the caller's transaction."""
    connection.execute(
        insert(voucher_batches).values(
            batch=batch.name,
            site=batch.site,
            seconds=int(batch.plan.duration.total_seconds()),
            octets=batch.plan.octets,
            down_kbps=batch.plan.down_kbps,
            up_kbps=batch.plan.up_kbps,
            devices=batch.devices,
            made_at=_epoch(batch.made_at),
            made_by=batch.made_by,
            expires_at=_epoch(batch.expires_at),
            why=batch.why,
        )
    )
    rows = [
        {"hash": hashed(key, code), "batch": batch.name, "number": number}
        for number, code in enumerate(codes, 1)
    ]
    connection.execute(insert(vouchers), rows)


class Vouchers:
    """Vouchers behind an engine whose write blocks exclude each other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def redeem(self, site: PortalSite, code: str, device: str, now: datetime) -> Plan | Refusal:
        """What a typed code gives this device here; its use is durable on return.

        The same device asks again (a double tap) and gets what is left of its time. Without a key of the
        municipality no code is known.
        """
        known = normalised(code)
        if not known or not site.voucher_key:
            return UNKNOWN
        found_by = hashed(site.voucher_key, known)
        who = pseudonym(site.voucher_key, known, device)
        with self._engine.begin() as connection:
            voucher = _locked(connection, found_by)
            if voucher is None or voucher.site not in (site.key, site.municipality):
                return UNKNOWN
            used = _uses(connection, found_by)
            verdict = judge(voucher, used, who, _epoch(now))
            if isinstance(verdict, Plan) and who not in used:
                use = {"hash": found_by, "device": who, "used_at": _epoch(now)}
                connection.execute(insert(voucher_uses).values(use))
        return verdict


def judge(voucher: Row[Any], used: dict[str, int], who: str, at: int) -> Plan | Refusal:
    """Whether a voucher still gives `who` anything at epoch second `at`; `used` is device → when."""
    if voucher.revoked_at is not None or voucher.batch_revoked_at is not None:
        return EXPIRED
    if who in used:
        left = used[who] + voucher.seconds - at
        return _plan(voucher, min(left, voucher.seconds)) if left > 0 else USED
    if voucher.expires_at <= at:
        return EXPIRED
    return USED if len(used) >= voucher.devices else _plan(voucher, voucher.seconds)


def _locked(connection: Connection, found_by: str) -> Row[Any] | None:
    """The voucher with its batch; on PostgreSQL nobody else redeems it until the transaction ends."""
    batch = voucher_batches.c
    wanted = (
        select(vouchers.c.revoked_at, batch.revoked_at.label("batch_revoked_at"))
        .add_columns(batch.site, batch.seconds, batch.octets, batch.down_kbps, batch.up_kbps)
        .add_columns(batch.devices, batch.expires_at, batch.batch)
        .join_from(vouchers, voucher_batches, vouchers.c.batch == batch.batch)
        .where(vouchers.c.hash == found_by)
        .with_for_update(of=vouchers)
    )
    return connection.execute(wanted).first()


def _uses(connection: Connection, found_by: str) -> dict[str, int]:
    use = voucher_uses.c
    rows = connection.execute(select(use.device, use.used_at).where(use.hash == found_by))
    return {row.device: row.used_at for row in rows}


def _plan(voucher: Row[Any], seconds: int) -> Plan:
    return Plan(
        f"voucher-{voucher.batch}",
        timedelta(seconds=seconds),
        octets=voucher.octets,
        down_kbps=voucher.down_kbps,
        up_kbps=voucher.up_kbps,
    )


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
