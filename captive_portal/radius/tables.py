"""What access points have told of the associations that make up a session."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from captive_portal.tables import metadata

# No MAC, no Acct-Session-Id, no name of an access point: `association` and `nas` are keyed hashes.
associations = Table(
    "radius_association",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("association", String(32), primary_key=True),
    Column("nas", String(32), nullable=False),
    Column("acctuniqueid", String(32), nullable=False),  # the session
    Column("acctsessiontime", BigInteger),
    Column("acctinputoctets", BigInteger),  # from the phone
    Column("acctoutputoctets", BigInteger),  # to the phone
    Column("acctstoptime", BigInteger),  # UTC epoch seconds
    Column("acctterminatecause", String(32), nullable=False, server_default=""),
    Column("heard_at", BigInteger, nullable=False),
    Index("radius_association_session", "acctuniqueid"),
    Index("radius_association_nas", "site", "nas", "acctstoptime"),
)
