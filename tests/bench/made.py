"""Tables for the methods that take any table, written by one query each: no truth in them but their size."""

from collections.abc import Callable
from pathlib import Path

import duckdb

# 0 to 1, another one for each row and number.
U = "CREATE MACRO u(i, k) AS hash(i * 97 + k) % 1000003 / 1000003.0"
SUBJECT = "'S' || lpad(i::VARCHAR, 9, '0')"
FEATURES = """exp(3 + u(i, 1) + u(i, 2)) AS income, exp(2 + u(i, 1) + u(i, 9)) AS rent, (18 + 62 * u(i, 3))::INTEGER AS age,
    (1 + 5 * u(i, 4))::INTEGER AS members, (20 * u(i, 5) * u(i, 6))::INTEGER AS visits,
    CASE WHEN u(i, 7) > 0.05 THEN 1000 * u(i, 8) END AS debts,
    list_extract(['서울', '부산', '대구', '인천', '광주', '대전', '울산', '세종'], (1 + 7 * u(i, 10))::INTEGER) AS area"""
SUBJECTS = f"SELECT {SUBJECT} AS subject, {FEATURES} FROM range($rows) AS made(i)"
OUTCOMES = f"SELECT {SUBJECT} AS subject, u(i, 11) < 0.3 * u(i, 5) * u(i, 6) AS outcome, {FEATURES} FROM range($rows) AS made(i)"
AMOUNTS = f"SELECT {SUBJECT} AS subject, 30 * u(i, 3) + 9 * u(i, 5) + u(i, 11) AS target, {FEATURES} FROM range($rows) AS made(i)"
RECORDS = f"SELECT {SUBJECT} AS record_key, 'P' || i % 40 AS peer_group, {FEATURES} FROM range($rows) AS made(i)"
# Every twentieth record is another one of the same person, with one field in ten written otherwise.
TWINS = """SELECT 'R' || lpad(i::VARCHAR, 9, '0') AS subject, (DATE '1940-01-01' + (p % 29000)::INTEGER)::VARCHAR AS birth,
    'N' || hash(p * 3 + (u(i, 1) > 0.9)::INTEGER) % 400000 AS name, 'D' || p % 250 AS district,
    'T' || hash(p * 7 + (u(i, 2) > 0.9)::INTEGER) % 100000000 AS phone
    FROM (SELECT i, CASE WHEN i % 20 = 19 THEN i - 1 ELSE i END AS p FROM range($rows) AS made(i))"""
# Sixty months of each subject.
VALUES = """SELECT 'S' || lpad((i // 60)::VARCHAR, 9, '0') AS subject, 'G' || (i // 60) % 20 AS "group",
    (DATE '2020-01-01' + to_months((i % 60)::INTEGER))::DATE AS period, 100 + 10 * sin(i % 12) + 5 * u(i, 1) AS value
    FROM range($rows // 60 * 60) AS made(i)"""
# A hundred days of each series; quarter hours of three hundred.
DAYS = """SELECT 'S' || lpad((i // 100)::VARCHAR, 9, '0') AS series_key, 20 * u(i, 3) AS temperature,
    (DATE '2025-01-01' + (i % 100)::INTEGER)::VARCHAR AS time,
    100 + 10 * sin(i % 7) + 5 * u(i, 1) + CASE WHEN u(i, 2) > 0.9999 THEN 80 ELSE 0 END AS value
    FROM range($rows // 100 * 100) AS made(i)"""
QUARTERS = """SELECT 'S' || lpad((i % 300)::VARCHAR, 9, '0') AS series_key,
    strftime(TIMESTAMP '2025-01-01' + to_minutes((15 * (i // 300))::BIGINT), '%Y-%m-%dT%H:%M:%S') AS time,
    100 + 40 * sin(i // 300 / 15.3) + 5 * u(i, 1) + CASE WHEN u(i // 9000, 2) > 0.999 THEN 80 ELSE 0 END AS value
    FROM range($rows // 300 * 300) AS made(i)"""
# Three ministries' tables of a household survey: who earns little receives more often, and one in five of them does not.
PERSON = "'P' || lpad(i::VARCHAR, 9, '0') AS person_no"
SURVEY = {
    "household": f"""SELECT {PERSON}, (2012 + i % 3)::INTEGER AS survey_year, 'A' || i % 50 AS area, 'R' || i % 4 AS region,
        (18 + 70 * u(i, 1))::INTEGER AS age_of_head, (1 + 5 * u(i, 2))::INTEGER AS household_size, u(i, 3) > 0.9 AS single_parent,
        (4 * u(i, 4) * u(i, 5))::INTEGER AS children_under_18, u(i, 6)::INTEGER AS disabled_members
        FROM range($rows) AS made(i)""",
    "income": f"SELECT {PERSON}, 50000 * u(i, 7) * u(i, 8) AS wages, u(i, 9) AS interest_income FROM range($rows) AS made(i)",
    "benefits": f"""SELECT {PERSON}, u(i, 7) * u(i, 8) + 0.1 * u(i, 10) < 0.15 AND u(i, 11) < 0.8 AS food_aid,
        u(i, 12) < 0.03 AS housing_aid FROM range($rows) AS made(i)""",
}


def by_query(queries: dict[str, str]) -> Callable[[Path, int], dict[str, Path]]:
    """A maker: each query's table as the Parquet file of its role."""

    def make(folder: Path, rows: int) -> dict[str, Path]:
        paths = {role: folder / f"{role}.parquet" for role in queries}
        with duckdb.connect() as connection:
            connection.execute(U)
            for role, path in paths.items():
                connection.execute(f"COPY ({queries[role].replace('$rows', str(rows))}) TO '{path}' (FORMAT parquet)")
        return paths

    return make
