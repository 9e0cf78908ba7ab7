"""Pseudonymise, cut and link: raw keys go in, one table without any comes out."""
# ruff: noqa: S608  The names in this SQL are quoted; every value is a parameter.

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb

from services.analysis.prepare.clocks import align_times, check_times
from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.forms import PLACEHOLDER
from services.analysis.prepare.keys import Pads
from services.analysis.prepare.plan import Pick, Plan, RolePlan
from services.analysis.prepare.readers import cell, key_text, misfit, quoted, source, value
from services.analysis.prepare.tables import count, matching, named, table
from shared.contracts import ColumnType, RowBalance
from shared.times import share

# A higher level takes twice the time for the same size: pseudonyms cannot be pressed below half.
FORM: Final = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 131072"
TOGETHER: Final = "dure_subjects_together"
"""Stands in the file: the rows of a subject are neighbours, so that a reader need not look for more of them."""


# Why a row is left out: its key is empty, names nobody, or what the input is keyed by beside it is missing.
NO_KEY: Final = "no-key"
PLACEHOLDER_KEY: Final = "placeholder-key"
INCOMPLETE_KEY: Final = "incomplete-key"


@dataclass(frozen=True)
class Linked:
    """What linking found, in numbers that say nothing of a single row."""

    rows: int
    match_rates: dict[str, float] = field(default_factory=dict)
    balance: dict[str, RowBalance] = field(default_factory=dict)

    @property
    def keys_dropped(self) -> dict[str, int]:
        """Role -> rows without a whole key."""
        return {role: sum(each.dropped.values()) for role, each in self.balance.items()}


def link(connection: duckdb.DuckDBPyConnection, plan: Plan, paths: dict[str, Path], pads: Pads, target: Path) -> Linked:
    """Link the inputs on the pseudonym of the base's key, and on what they are keyed by beside it, and write the table.

    The rows of a subject stand together; subjects stand in the order of a hash of their contents, which no key moves."""
    loaded = {role.role: load(connection, plan, role, paths[role.role], pads) for role in plan.roles}
    align_times(connection, plan)
    for role in plan.roles:
        check_unique(connection, role)
    rows = count(connection, f"SELECT count(*) FROM {table(plan.base)}")
    if rows == 0:
        raise PrepareError("no-rows", f"The input {plan.base.role} has no row with a key.")
    found = {role.role: count(connection, found_in(plan.base, role, plan.base)) for role in plan.others}
    # A base row without a usable key was found nowhere: it counts.
    read = loaded[plan.base.role].read
    rates = {role.role: match_rate(plan, role, found[role.role], read) for role in plan.others}
    write(connection, plan, target)
    return Linked(rows, rates, balance(connection, plan, loaded, found, rows))


@dataclass(frozen=True)
class Loaded:
    """How many rows an input had, and how many were left out for which reason."""

    read: int
    dropped: dict[str, int]


def load(connection: duckdb.DuckDBPyConnection, plan: Plan, role: RolePlan, path: Path, pads: Pads) -> Loaded:
    """Read one input into a table of pseudonyms and approved columns, without the rows that have no whole key."""
    domains = sorted({role.key.key_domain or "", *(pick.key_domain for pick in role.columns if pick.key_domain)})
    function, parameters = source(path, role.approved.object.media_type, role.role)
    secrets = {f"inner{at}": pads.inner + domain.encode() + b"\0" for at, domain in enumerate(domains)}
    inner = {domain: f"$inner{at}" for at, domain in enumerate(domains)}
    keys = [pick for pick in (role.key, *role.columns) if pick.key_domain]
    forms = ", ".join({key_name(pick): f"{key_text(pick)} AS {key_name(pick)}" for pick in keys}.values())
    chosen = [f"{pseudonym(role.key, inner)} AS pseudonym", f"{fault(role.key)} AS fault", f"{first_misfit(role)} AS misfit"]
    chosen += [f"{cell_of(pick, inner, plan.zone)} AS {named(role, pick)}" for pick in role.columns]
    rows = f"(SELECT *, {forms} FROM {function})"
    sql = f"CREATE TEMP TABLE {table(role)} AS SELECT {', '.join(chosen)} FROM {rows}"
    try:
        connection.execute(sql, {**parameters, **secrets, "outer": pads.outer})
    except (duckdb.OutOfMemoryException, duckdb.InterruptException):
        raise
    except (duckdb.Error, UnicodeDecodeError):
        # The database's own message may quote a cell (and bytes that are no text), so it is dropped here.
        detail = f"The file of the input {role.role} cannot be read as it was registered."
        raise PrepareError("input-unreadable", detail) from None
    check_types(connection, role)
    check_times(connection, role)
    return drop_keyless(connection, role)


def drop_keyless(connection: duckdb.DuckDBPyConnection, role: RolePlan) -> Loaded:
    incomplete = " OR ".join(["false", *(f"{named(role, pick)} IS NULL" for pick in role.keyed_by)])
    why = f"CASE WHEN fault IS NOT NULL THEN fault WHEN {incomplete} THEN '{INCOMPLETE_KEY}' END"
    found = connection.execute(f"SELECT {why} AS why, count(*) FROM {table(role)} GROUP BY why").fetchall()
    connection.execute(f"DELETE FROM {table(role)} WHERE fault IS NOT NULL OR {incomplete}")
    return Loaded(sum(rows for _, rows in found), {reason: rows for reason, rows in found if reason})


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


def key_name(pick: Pick) -> str:
    """What a key's canonical form is called within a query. Columns of files have no such name: it has a blank."""
    return quoted(f"key {pick.stored.name}")


def pseudonym(pick: Pick, inner: dict[str, str]) -> str:
    """The SQL of HMAC-SHA256(request key, key domain, zero byte, canonical key), in hex; NULL where there is no key."""
    text = key_name(pick)
    keyed = f"sha256($outer || unhex(sha256({inner[pick.key_domain or '']} || encode({text}))))"
    return f"CASE WHEN {text} NOT IN ('', '{PLACEHOLDER}') THEN {keyed} END"


def fault(pick: Pick) -> str:
    """The SQL of why a key names nobody, NULL if it names somebody."""
    text = key_name(pick)
    return f"CASE WHEN coalesce({text}, '') = '' THEN '{NO_KEY}' WHEN {text} = '{PLACEHOLDER}' THEN '{PLACEHOLDER_KEY}' END"


def cell_of(pick: Pick, inner: dict[str, str], zone: str) -> str:
    """The SQL of one cell of the bundle; a further key is pseudonymised like the first."""
    return pseudonym(pick, inner) if pick.key_domain else value(pick, zone)


def first_misfit(role: RolePlan) -> str:
    """The SQL of the place of the first column whose cell is not of its type, else NULL."""
    cases = [
        f"WHEN {misfit(cell(pick), pick.card.type)} THEN {at}"
        for at, pick in enumerate(role.columns)
        if not pick.key_domain and pick.card.type is not ColumnType.STRING
    ]
    return f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS INTEGER)"


def match_rate(plan: Plan, role: RolePlan, found: int, rows: int) -> float:
    rate = found / rows
    if rate < plan.match_floor:
        raise PrepareError(
            "match-below-floor",
            f"Only {share(found, rows)} of the rows of the input {plan.base.role} were found in the input {role.role}; "
            f"the method needs at least {plan.match_floor:.0%}.",
        )
    return round(rate, 6)


def found_in(rows_of: RolePlan, other: RolePlan, base: RolePlan) -> str:
    """The SQL of how many rows of one input have a partner in another one; one of the two is the base."""
    pair = matching(base, other if rows_of is base else rows_of)
    return f"SELECT count(*) FROM {table(rows_of)} SEMI JOIN {table(other)} ON {pair}"


def balance(
    connection: duckdb.DuckDBPyConnection, plan: Plan, loaded: dict[str, Loaded], found: dict[str, int], rows: int
) -> dict[str, RowBalance]:
    """Role -> what became of its rows."""
    linked = {plan.base.role: rows}
    if plan.others:
        pairs = (f"EXISTS (SELECT 1 FROM {table(other)} WHERE {matching(plan.base, other)})" for other in plan.others)
        linked = {plan.base.role: count(connection, f"SELECT count(*) FROM {table(plan.base)} WHERE {' OR '.join(pairs)}")}
    for other in plan.others:
        alike = len(other.keyed_by) == len(plan.base.keyed_by)  # then a row has one partner at most, in both directions
        linked[other.role] = found[other.role] if alike else count(connection, found_in(other, plan.base, plan.base))
    used = linked | {plan.base.role: rows}
    return {
        role: RowBalance(read=each.read, dropped=each.dropped, linked=linked[role], used=used[role])
        for role, each in loaded.items()
    }


def write(connection: duckdb.DuckDBPyConnection, plan: Plan, target: Path) -> None:
    picks = [(role, pick) for role in plan.roles for pick in role.columns]
    chosen = ", ".join([f"{table(plan.base)}.pseudonym", *(f"{table(role)}.{named(role, pick)}" for role, pick in picks)])
    joins = " ".join(f"LEFT JOIN {table(role)} ON {matching(plan.base, role)}" for role in plan.others)
    joined = f"SELECT {chosen} FROM {table(plan.base)} {joins}"
    keys = [named(role, pick) for role, pick in picks if pick.key_domain]
    # Among equal contents the further keys decide before the pseudonym: so groups come in one order in all of them.
    ties = [f"min({key}) OVER (PARTITION BY pseudonym)" for key in keys] if plan.base.keyed_by else keys
    order = ", ".join(["place", *ties, *key_columns(plan.base)])
    ordered = f"SELECT * EXCLUDE (place) FROM ({placed(plan, joined)}) ORDER BY {order}"
    path = str(target).replace("'", "''")
    connection.execute(f"COPY ({ordered}) TO '{path}' ({FORM}, KV_METADATA {{{TOGETHER}: 'yes'}})")


def placed(plan: Plan, joined: str) -> str:
    """The SQL of the joined rows with the `place` of their subject: a hash of its contents.

    The key of a request must move no row: whoever asks the same again gets the same figures, though folds and samples go by
    the order of rows. Subjects of equal contents are exchangeable; among them the pseudonym decides. A further key counts
    by the contents of the rows that have it."""
    picks = [(role, pick) for role in plan.roles for pick in role.columns]
    plain = [named(role, pick) for role, pick in picks if not pick.key_domain]
    keys = [named(role, pick) for role, pick in picks if pick.key_domain]
    # The hash of a zero is zero, which a sum would not count: so never of a cell alone.
    own = f"hash({', '.join([*plain, '1'])})"
    name = "content" if plan.base.keyed_by else "place"
    if keys:
        joined = f"SELECT *, {own} AS own FROM ({joined})"
        groups = (f"CASE WHEN {key} IS NULL THEN 0 ELSE sum(own) OVER (PARTITION BY {key}) END" for key in keys)
        joined = f"SELECT * EXCLUDE (own), hash(own, {', '.join(groups)}) AS {name} FROM ({joined})"
    else:
        joined = f"SELECT *, {own} AS {name} FROM ({joined})"
    if not plan.base.keyed_by:
        return joined
    # Without its times first: the same values at other hours, or at days instead of hours, keep the order of subjects.
    # No two rows of a subject are alike, so that in the whole none cancels another out.
    timeless = ", ".join([*(named(role, pick) for role, pick in picks if not (pick.key_domain or pick.temporal)), "1"])
    both = (f"sum(hash({timeless})) OVER (PARTITION BY pseudonym)", "bit_xor(content) OVER (PARTITION BY pseudonym)")
    return f"SELECT * EXCLUDE (content), row({', '.join(both)}) AS place FROM ({joined})"
