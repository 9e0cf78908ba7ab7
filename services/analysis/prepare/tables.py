"""The tables that prepare loads inputs into: their names, their columns, and which rows belong together."""

import duckdb

from services.analysis.prepare.plan import Pick, RolePlan
from services.analysis.prepare.readers import quoted


def matching(base: RolePlan, role: RolePlan) -> str:
    """The SQL of when a row of an input belongs to a row of the base."""
    of_base = {pick.card.name: named(base, pick) for pick in base.keyed_by}
    pairs = [("pseudonym", "pseudonym"), *((of_base[pick.card.name], named(role, pick)) for pick in role.keyed_by)]
    return " AND ".join(f"{table(role)}.{own} = {table(base)}.{other}" for other, own in pairs)


def table(role: RolePlan) -> str:
    return quoted(f"role_{role.role}")


def named(role: RolePlan, pick: Pick) -> str:
    return quoted(role.output_name(pick))


def count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
