"""Leases of poller shards: whoever holds one polls it; its epoch fences out whoever held it before."""

from sqlalchemy import Engine, insert, select, update

from controller.store.tables import shard_leases

LEASE_S = 30


def acquire(engine: Engine, shard: int, holder: str, now: int) -> int | None:
    """A new epoch when the lease is free, run out, or already this holder's; otherwise None."""
    with engine.begin() as connection:
        row = connection.execute(select(shard_leases).where(shard_leases.c.shard == shard)).one_or_none()
        if row is None:
            values = {"shard": shard, "holder": holder, "epoch": 1, "expires_at": now + LEASE_S}
            connection.execute(insert(shard_leases).values(values))
            return 1
        if row.holder != holder and row.expires_at > now:
            return None
        epoch = int(row.epoch) + 1
        connection.execute(
            update(shard_leases)
            .where(shard_leases.c.shard == shard)
            .values(holder=holder, epoch=epoch, expires_at=now + LEASE_S)
        )
        return epoch


def renew(engine: Engine, shard: int, holder: str, epoch: int, now: int) -> bool:
    """Hold on to a lease; False when another has taken it since."""
    with engine.begin() as connection:
        renewed = connection.execute(
            update(shard_leases)
            .where(
                shard_leases.c.shard == shard, shard_leases.c.holder == holder, shard_leases.c.epoch == epoch
            )
            .values(expires_at=now + LEASE_S)
        )
        return renewed.rowcount == 1
