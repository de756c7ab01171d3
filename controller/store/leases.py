"""Leases of poller shards: whoever holds one polls it; its epoch fences out whoever held it before."""

from sqlalchemy import Engine, update

from captive_portal.tables import insert
from controller.store.tables import shard_leases

LEASE_S = 30


def acquire(engine: Engine, shard: int, holder: str, now: int) -> int | None:
    """A new epoch when the lease is free, run out, or already this holder's; otherwise None.

    One statement, so that of two who ask at once only one gets it.
    """
    fresh = {"shard": shard, "holder": holder, "epoch": 1, "expires_at": now + LEASE_S}
    with engine.begin() as connection:
        wish = insert(connection, shard_leases).values(fresh)
        taken = wish.on_conflict_do_update(
            index_elements=["shard"],
            set_={
                "holder": wish.excluded.holder,
                "epoch": shard_leases.c.epoch + 1,
                "expires_at": wish.excluded.expires_at,
            },
            where=(shard_leases.c.holder == holder) | (shard_leases.c.expires_at <= now),
        ).returning(shard_leases.c.epoch)
        epoch = connection.execute(taken).scalar()
        return None if epoch is None else int(epoch)


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
