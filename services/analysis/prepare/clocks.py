"""Columns of times: refused where a cell cannot be read, and brought to one length where they identify rows."""
# ruff: noqa: S608  The names in this SQL are quoted; every value is a parameter.

from typing import Final

import duckdb

from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.forms import REFUSED
from services.analysis.prepare.plan import Pick, Plan, RolePlan
from services.analysis.prepare.tables import count, named, table
from shared.times import Form, Precision, refusal

LENGTHS: Final = {4: Precision.YEAR, 7: Precision.MONTH, 10: Precision.DAY}
"""Letters of a canonical time; of a time of day more."""
LONG: Final = {Precision.YEAR: "years", Precision.MONTH: "months", Precision.DAY: "days", Precision.TIME: "times of day"}
MIDNIGHT: Final = "T00:00:00"
# What a time ends with that is the first moment of a longer one: a month is written as its first day, too.
FIRST: Final = {Precision.YEAR: "-01", Precision.MONTH: "-01", Precision.DAY: MIDNIGHT}


def check_times(connection: duckdb.DuckDBPyConnection, role: RolePlan) -> None:
    """PrepareError where a column of times holds what cannot be read, or times of several lengths."""
    for pick in role.columns:
        if pick.temporal:
            check_readable(connection, role, pick)
            lengths = lengths_of(connection, role, pick)
            if lengths == {Precision.DAY, Precision.TIME}:
                # A day beside times of day is its midnight: the two spellings are one time.
                put(connection, role, pick, f"|| '{MIDNIGHT}'", "length({name}) = 10")
            elif len(lengths) > 1:
                detail = (
                    f"The column {pick.card.name} of the input {role.role} mixes {words(lengths)}: "
                    "write all of them alike, such as 2022-03 or 2022-03-25."
                )
                raise PrepareError("time-mixed", detail)


def check_readable(connection: duckdb.DuckDBPyConnection, role: RolePlan, pick: Pick) -> None:
    name = named(role, pick)
    refused = f"SELECT {name}, count(*) FROM {table(role)} WHERE starts_with({name}, '{REFUSED}') GROUP BY 1"
    forms = {Form(text.removeprefix(REFUSED)): rows for text, rows in connection.execute(refused).fetchall()}
    if forms:
        total = count(connection, f"SELECT count({name}) FROM {table(role)}")
        raise PrepareError("time-unreadable", refusal(f"{pick.card.name} of the input {role.role}", total, forms))


def lengths_of(connection: duckdb.DuckDBPyConnection, role: RolePlan, pick: Pick) -> set[Precision]:
    name = named(role, pick)
    found = connection.execute(f"SELECT DISTINCT length({name}) FROM {table(role)} WHERE {name} IS NOT NULL").fetchall()
    return {LENGTHS.get(length, Precision.TIME) for (length,) in found}


def align_times(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Bring the times that inputs are joined on to one length; PrepareError where that would lose something."""
    for role in plan.others:
        for pick in role.keyed_by:
            if pick.temporal:
                other = next(each for each in plan.base.keyed_by if each.card.name == pick.card.name)
                align(connection, (plan.base, other), (role, pick))


def align(connection: duckdb.DuckDBPyConnection, base: tuple[RolePlan, Pick], other: tuple[RolePlan, Pick]) -> None:
    order = list(Precision)
    while True:
        of_base, of_other = lengths_of(connection, *base), lengths_of(connection, *other)
        if of_base == of_other or not of_base or not of_other:
            return
        (one,), (two,) = of_base, of_other
        finer, length = (base, one) if order.index(one) > order.index(two) else (other, two)
        if not shorten(connection, *finer, order[order.index(length) - 1]):
            detail = (
                f"The column {base[1].card.name} holds {words(of_base)} in the input {base[0].role} and "
                f"{words(of_other)} in the input {other[0].role}: rows cannot be linked by it."
            )
            raise PrepareError("time-mixed", detail)


def shorten(connection: duckdb.DuckDBPyConnection, role: RolePlan, pick: Pick, to: Precision) -> bool:
    """Write the times of a column as longer ones; False if one of them is not the first moment of such a one."""
    name, end = named(role, pick), FIRST[to]
    if count(connection, f"SELECT count(*) FROM {table(role)} WHERE NOT ends_with({name}, '{end}')"):
        return False
    connection.execute(f"UPDATE {table(role)} SET {name} = left({name}, length({name}) - {len(end)})")
    return True


def put(connection: duckdb.DuckDBPyConnection, role: RolePlan, pick: Pick, change: str, where: str) -> None:
    name = named(role, pick)
    connection.execute(f"UPDATE {table(role)} SET {name} = {name} {change} WHERE {where.format(name=name)}")


def words(lengths: set[Precision]) -> str:
    return " and ".join(LONG[each] for each in Precision if each in lengths)
