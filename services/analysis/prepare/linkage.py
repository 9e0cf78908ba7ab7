"""Pseudonymise, cut and link: raw keys go in, one table without any comes out."""
# ruff: noqa: S608  The names in this SQL are quoted; every value is a parameter.

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb

from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.keys import Pads
from services.analysis.prepare.plan import Pick, Plan, RolePlan
from services.analysis.prepare.readers import key_text, misfit, quoted, source, typed
from shared.contracts import ColumnType

# A higher level takes twice the time for the same size: pseudonyms cannot be pressed below half.
FORM: Final = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 131072"


@dataclass(frozen=True)
class Linked:
    """What linking found, in numbers that say nothing of a single row."""

    rows: int
    match_rates: dict[str, float] = field(default_factory=dict)
    keys_dropped: dict[str, int] = field(default_factory=dict)


def link(connection: duckdb.DuckDBPyConnection, plan: Plan, paths: dict[str, Path], pads: Pads, target: Path) -> Linked:
    """Link the inputs on the pseudonym of the base's key, and on what they are keyed by beside it, and write the table.

    Its rows are ordered by pseudonym, then by the columns that the base is keyed by."""
    dropped = {role.role: load(connection, role, paths[role.role], pads) for role in plan.roles}
    rows = count(connection, f"SELECT count(*) FROM {table(plan.base)}")
    if rows == 0:
        raise PrepareError("no-rows", f"The input {plan.base.role} has no row with a key.")
    rates = {role.role: match_rate(connection, plan, role, rows) for role in plan.others}
    write(connection, plan, target)
    return Linked(rows, rates, dropped)


def load(connection: duckdb.DuckDBPyConnection, role: RolePlan, path: Path, pads: Pads) -> int:
    """Read one input into a table of pseudonyms and approved columns. Returns how many rows had no whole key."""
    key_domains = sorted({role.key.key_domain or "", *(pick.key_domain for pick in role.columns if pick.key_domain)})
    function, parameters = source(path, role.approved.object.media_type, role.role)
    secrets = {f"inner{at}": pads.inner + domain.encode() + b"\0" for at, domain in enumerate(key_domains)}
    inner = {domain: f"$inner{at}" for at, domain in enumerate(key_domains)}
    chosen = [f"{pseudonym(role.key, inner)} AS pseudonym", f"{first_misfit(role)} AS misfit"]
    chosen += [f"{cell(pick, inner)} AS {named(role, pick)}" for pick in role.columns]
    sql = f"CREATE TEMP TABLE {table(role)} AS SELECT {', '.join(chosen)} FROM {function}"
    try:
        connection.execute(sql, {**parameters, **secrets, "outer": pads.outer})
    except (duckdb.OutOfMemoryException, duckdb.InterruptException):
        raise
    except (duckdb.Error, UnicodeDecodeError):
        # The database's own message may quote a cell (and bytes that are no text), so it is dropped here.
        detail = f"The file of the input {role.role} cannot be read as it was registered."
        raise PrepareError("input-unreadable", detail) from None
    check_types(connection, role)
    keyless = " OR ".join(f"{name} IS NULL" for name in key_columns(role))
    dropped = count(connection, f"SELECT count(*) FROM {table(role)} WHERE {keyless}")
    connection.execute(f"DELETE FROM {table(role)} WHERE {keyless}")
    check_unique(connection, role)
    return dropped


def key_columns(role: RolePlan) -> list[str]:
    """What identifies a row: the pseudonym, and the columns that the input is keyed by beside it."""
    return ["pseudonym", *(named(role, pick) for pick in role.keyed_by)]


def check_types(connection: duckdb.DuckDBPyConnection, role: RolePlan) -> None:
    fault = connection.execute(f"SELECT min(misfit) FROM {table(role)}").fetchone()
    if fault and fault[0] is not None:
        name = role.columns[fault[0]].card.name
        raise PrepareError("input-mistyped", f"The column {name} of the input {role.role} holds cells that are not of its type.")


def check_unique(connection: duckdb.DuckDBPyConnection, role: RolePlan) -> None:
    key = ", ".join(key_columns(role))
    doubled = f"SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT {key} FROM {table(role)})) FROM {table(role)}"
    if count(connection, doubled):
        together = " and ".join(["key", *(pick.card.name for pick in role.keyed_by)])
        detail = f"The input {role.role} has more than one row for some {together}; it may have one."
        raise PrepareError("key-not-unique", detail)


def pseudonym(pick: Pick, inner: dict[str, str]) -> str:
    """The SQL of HMAC-SHA256(request key, key domain, zero byte, canonical key), in hex."""
    text = key_text(quoted(pick.stored.name), pick.stored.type)
    return f"sha256($outer || unhex(sha256({inner[pick.key_domain or '']} || encode({text}))))"


def cell(pick: Pick, inner: dict[str, str]) -> str:
    """The SQL of one cell of the bundle; a further key is pseudonymised like the first."""
    return pseudonym(pick, inner) if pick.key_domain else typed(quoted(pick.stored.name), pick.card.type)


def first_misfit(role: RolePlan) -> str:
    """The SQL of the place of the first column whose cell is not of its type, else NULL."""
    cases = [
        f"WHEN {misfit(quoted(pick.stored.name), pick.card.type)} THEN {at}"
        for at, pick in enumerate(role.columns)
        if not pick.key_domain and pick.card.type is not ColumnType.STRING
    ]
    return f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS INTEGER)"


def match_rate(connection: duckdb.DuckDBPyConnection, plan: Plan, role: RolePlan, rows: int) -> float:
    found = count(connection, f"SELECT count(*) FROM {table(plan.base)} SEMI JOIN {table(role)} ON {matching(plan.base, role)}")
    rate = found / rows
    if rate < plan.match_floor:
        raise PrepareError(
            "match-below-floor",
            f"Only {rate:.0%} of the rows of the input {plan.base.role} were found in the input {role.role}; "
            f"the method needs at least {plan.match_floor:.0%}.",
        )
    return round(rate, 6)


def matching(base: RolePlan, role: RolePlan) -> str:
    """The SQL of when a row of an input belongs to a row of the base."""
    of_base = {pick.card.name: named(base, pick) for pick in base.keyed_by}
    pairs = [("pseudonym", "pseudonym"), *((of_base[pick.card.name], named(role, pick)) for pick in role.keyed_by)]
    return " AND ".join(f"{table(role)}.{own} = {table(base)}.{other}" for other, own in pairs)


def write(connection: duckdb.DuckDBPyConnection, plan: Plan, target: Path) -> None:
    columns = [f"{table(role)}.{named(role, pick)}" for role in plan.roles for pick in role.columns]
    chosen = ", ".join([f"{table(plan.base)}.pseudonym", *columns])
    joins = " ".join(f"LEFT JOIN {table(role)} ON {matching(plan.base, role)}" for role in plan.others)
    order = ", ".join(f"{table(plan.base)}.{name}" for name in key_columns(plan.base))
    ordered = f"SELECT {chosen} FROM {table(plan.base)} {joins} ORDER BY {order}"
    path = str(target).replace("'", "''")
    connection.execute(f"COPY ({ordered}) TO '{path}' ({FORM})")


def table(role: RolePlan) -> str:
    return quoted(f"role_{role.role}")


def named(role: RolePlan, pick: Pick) -> str:
    return quoted(role.output_name(pick))


def count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
