"""Brings days that an older Plaza wrote up to this one's schema."""

from metrics.local.shelf import Table, Volume


def number_series(day: Volume, series: Table, samples: Table) -> None:
    """Schema 1 → 2: the tags move from each row into a table of their own. Within a write transaction."""
    columns = _columns(day, samples.name)
    if not columns or "series" in columns:
        return
    tags = [tag for tag in series.columns if tag in columns]
    before = f"{samples.name}_before"
    day.execute(f"ALTER TABLE {samples.name} RENAME TO {before}")
    day.execute(f"{series.create} WITHOUT ROWID")
    day.execute(f"{samples.create} WITHOUT ROWID")
    listed = ", ".join(tags)
    day.execute(
        f"INSERT INTO {series.name} (id, {listed}) SELECT row_number() OVER (ORDER BY {listed}), {listed} "  # noqa: S608
        f"FROM (SELECT DISTINCT {listed} FROM {before})"
    )
    fields = [name for name in samples.columns if name in columns]
    same = " AND ".join(f"t.{tag} = b.{tag}" for tag in tags)
    day.execute(
        f"INSERT INTO {samples.name} (series, {', '.join(fields)}) "  # noqa: S608
        f"SELECT t.id, {', '.join(f'b.{name}' for name in fields)} FROM {before} b "
        f"JOIN {series.name} t ON {same} ORDER BY b.time, t.id"
    )
    day.execute(f"DROP TABLE {before}")


def _columns(day: Volume, table: str) -> list[str]:
    """Only files were ever written by older versions, so this may speak SQLite's own words."""
    return [row[1] for row in day.execute(f"PRAGMA table_info({table})").fetchall()]
