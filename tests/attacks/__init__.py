"""What an attacker tries on the portal and on a site's gateway; the table of threats is docs/threats.md."""
