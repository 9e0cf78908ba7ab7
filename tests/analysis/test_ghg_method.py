"""Abnormal patterns in emission statements: what is planted is found, what is clean is left alone, whatever the input."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from deploy.evaluate import ghg
from deploy.generate.emissions.planting import KINDS
from services.analysis.methods import BUILT_IN
from services.analysis.methods.ghg_anomalies import CARD, run
from services.analysis.methods.ghg_anomalies.listing import list_facilities
from services.analysis.methods.ghg_anomalies.panel import read
from services.analysis.methods.ghg_anomalies.parameters import Parameters
from services.analysis.methods.ghg_anomalies.reasons import WORDS, Reason
from services.analysis.methods.ghg_anomalies.study import Study, conduct
from services.analysis.policy import check_card
from services.analysis.worker.sdk import Bundle, MethodError, Outputs
from services.results.disclosure import Rules, check_figure, check_metrics, check_table, read_line
from shared.contracts import OutputKind

pytestmark = pytest.mark.fit

CASES = [(10_000, 1), (10_000, 2), (10_000, 3), (20_000, 5)]


def quiet(progress: float, message: str) -> None:
    return None


@pytest.fixture(scope="module")
def judged() -> dict[tuple[int, int], ghg.Judged]:
    return {case: ghg.measure(*case) for case in CASES}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, ghg.Truth]:
    return ghg.link(tmp_path_factory.mktemp("bundle"), 16_000, 7)


@pytest.fixture(scope="module")
def study(generated: tuple[Bundle, ghg.Truth]) -> Study:
    return conduct(read(generated[0]), Parameters.read({}))


@pytest.fixture(scope="module")
def outputs(generated: tuple[Bundle, ghg.Truth]) -> Outputs:
    return run(generated[0], quiet)


# What the ministry asked for


@pytest.mark.fit
def test_every_planted_error_of_arithmetic_and_units_is_found(judged: dict[tuple[int, int], ghg.Judged]) -> None:
    for case, one in judged.items():
        found, planted = one.arithmetic
        assert planted >= 3
        assert found == planted, case


@pytest.mark.fit
def test_most_of_the_eleven_kinds_are_found_within_the_budget(judged: dict[tuple[int, int], ghg.Judged]) -> None:
    for case, one in judged.items():
        assert one.recall >= 0.85, case
        assert one.reviewed <= 0.05
    planted, found = Counter[str](), Counter[str]()
    for one in judged.values():
        planted, found = planted + one.planted, found + one.found
    assert set(KINDS) <= set(planted)
    assert sum(found[kind] for kind in KINDS) / sum(planted[kind] for kind in KINDS) >= 0.9
    assert all(found[kind] / planted[kind] >= 0.5 for kind in KINDS), (found, planted)


@pytest.mark.fit
def test_clean_facilities_are_left_alone(judged: dict[tuple[int, int], ghg.Judged]) -> None:
    for case, one in judged.items():
        assert one.false_alarms <= (0.01 if case[0] >= 20_000 else 0.025), case
    assert np.mean([one.false_alarms for one in judged.values()]) <= 0.01


@pytest.mark.fit
def test_an_isolation_forest_on_the_raw_columns_is_left_far_behind(judged: dict[tuple[int, int], ghg.Judged]) -> None:
    for one in judged.values():
        assert one.recall > one.forest + 0.5


@pytest.mark.fit
def test_what_is_found_has_its_own_name(judged: dict[tuple[int, int], ghg.Judged]) -> None:
    named = sum(sum(one.named[kind] for kind in KINDS) for one in judged.values())
    found = sum(sum(one.found[kind] for kind in KINDS) for one in judged.values())
    assert named / found >= 0.9
    slips = [(one.named["arithmetic_slip"], one.found["arithmetic_slip"]) for one in judged.values()]
    assert all(named == found for named, found in slips)
    assert sum(found for _, found in slips) >= 3


@pytest.mark.fit
def test_the_tonnes_are_found(judged: dict[tuple[int, int], ghg.Judged]) -> None:
    assert all(one.tonnes > 0.95 for one in judged.values())


# Outputs


def test_it_is_built_in_and_its_card_holds_together() -> None:
    assert "services.analysis.methods.ghg_anomalies" in BUILT_IN
    check_card(CARD)
    Draft202012Validator.check_schema(CARD.parameters)
    assert {reason.value.replace("-", "_") for reason in Reason} >= set(KINDS)
    assert any("no error" in words for words in CARD.must_not_conclude)
    assert any("held against its source on 20" in words for words in CARD.assumptions)


@pytest.mark.fit
def test_outputs_are_those_of_the_card(outputs: Outputs) -> None:
    declared = {kind: {output.name for output in CARD.outputs if output.kind is kind} for kind in OutputKind}
    assert set(outputs.tables) == declared[OutputKind.TABLE] - {"champion", "drift"}
    assert set(outputs.figures) == declared[OutputKind.FIGURE]
    assert set(outputs.metrics) == declared[OutputKind.METRICS]
    assert set(outputs.models) == declared[OutputKind.MODEL]
    assert outputs.alarms == []


def leaves(outputs: Outputs) -> list[str]:
    """Every table, figure and metrics file that disclosure control withholds, after its own rules."""
    rules = Rules.load()
    tables = {name: check_table(table, rules) for name, table in outputs.tables.items()}
    verdicts = [*tables.values(), *(check_metrics(one, rules) for one in outputs.metrics.values())]
    passed = [name for name, verdict in tables.items() if verdict.passed]
    verdicts += [check_figure(spec, name, passed, rules) for name, spec in outputs.figures.items()]
    return [verdict.name for verdict in verdicts if not verdict.passed]


@pytest.mark.fit
def test_everything_passes_disclosure_control(outputs: Outputs) -> None:
    assert leaves(outputs) == []
    assert all(read_line(json.dumps(line, ensure_ascii=False).encode()) for line in outputs.restricted_list or [])


@pytest.mark.fit
def test_every_line_says_stream_period_reason_and_tonnes(generated: tuple[Bundle, ghg.Truth], outputs: Outputs) -> None:
    lines = outputs.restricted_list or []
    assert len(lines) > 20
    assert len({line["pseudonym"] for line in lines}) == len(lines)
    assert all(0 < line["score"] < 1 and line["reasons"] for line in lines)
    for reason in (reason for line in lines for reason in line["reasons"]):
        assert reason["code"] in {one.value for one in Reason}
        assert re.match(
            r".+: stream S\d\d, \d{4}-\d\d( – \d{4}-\d\d)?\. Expected [\d.,]+ tCO2e, difference [+\-][\d.,]+\.", reason["en"]
        )
        assert reason["ko"].startswith(WORDS[Reason(reason["code"])][0])
    planted = {one["pseudonym"] for one in generated[1]}
    assert sum(line["pseudonym"] in planted for line in lines) / len(lines) > 0.9


@pytest.mark.fit
def test_the_weightiest_comes_first_and_a_smaller_budget_lists_the_first(study: Study) -> None:
    assert (np.diff(study.findings.weight) <= 1e-9).all()
    few = conduct(study.panel, Parameters.read({"review_budget": 0.002}))
    assert 0 < few.listed < study.listed
    assert few.within.periods.sum() <= 0.002 * study.panel.rows + 1
    assert (few.within.stream == study.findings.stream[: few.listed]).all()


@pytest.mark.fit
def test_the_same_bundle_gives_the_same_bytes(generated: tuple[Bundle, ghg.Truth], outputs: Outputs) -> None:
    again = run(generated[0], quiet)
    for name in ("tables", "figures", "metrics", "restricted_list"):
        assert json.dumps(getattr(again, name), allow_nan=False) == json.dumps(getattr(outputs, name), allow_nan=False)


@pytest.mark.fit
def test_figures_draw_columns_of_their_table(outputs: Outputs) -> None:
    for spec in outputs.figures.values():
        columns = {column["name"] for column in outputs.tables[spec["data"]["name"]]["columns"]}
        for side in spec["encoding"].values():
            assert set(side["field"].values() if isinstance(side["field"], dict) else [side["field"]]) <= columns


# Whatever the input


@pytest.fixture
def changed(tmp_path: Path, few_trees: None) -> Callable[..., Bundle]:
    def change(sql: str = "*", rows: int = 3000, seed: int = 3, **parameters: Any) -> Bundle:
        return Bundle(ghg.link(tmp_path, rows, seed, sql)[0].folder, parameters)

    return change


def codes(outputs: Outputs) -> Counter[str]:
    return Counter(reason["code"] for line in outputs.restricted_list or [] for reason in line["reasons"])


def test_an_unknown_unit_is_a_finding_and_no_crash(changed: Callable[..., Bundle]) -> None:
    unit = "CASE WHEN hash(pseudonym) % 20 = 0 THEN 'bushel' ELSE statements__activity_unit END AS statements__activity_unit"
    outputs = run(changed(f"* REPLACE ({unit})", review_budget=1), quiet)
    assert codes(outputs)["unit-unknown"] >= 1
    formula = run(changed("* REPLACE ('=1+1' AS statements__activity_unit)", review_budget=1), quiet)
    assert set(codes(formula)) >= {"unit-unknown"}


@pytest.mark.fit
def test_missing_and_empty_optional_columns_are_borne(changed: Callable[..., Bundle]) -> None:
    bundle = changed(rows=1500)
    given = [name for name in bundle.columns() if name.partition("__")[2] not in ("", "stream", "period", "reported_tco2e")]
    path, whole = bundle.folder / "linked.parquet", bundle.folder / "whole"
    path.rename(whole)
    assert len(given) > 20
    for at, name in enumerate(given):
        sql = f"* EXCLUDE ({name})" if at % 2 else f"* REPLACE (NULL AS {name})"
        duckdb.sql(f"COPY (SELECT {sql} FROM read_parquet('{whole}')) TO '{path}' (FORMAT parquet)")
        assert list_facilities(conduct(read(bundle), Parameters.read({}))) is not None, name


def test_layers_without_columns_are_named(changed: Callable[..., Bundle]) -> None:
    kept = "pseudonym, statements__stream, statements__period, statements__reported_tco2e"
    outputs = run(changed(kept, rows=8000), quiet)
    rows = {row[0]: row for row in outputs.tables["tests_held"]["rows"]}
    assert rows["L0"][1:3] == ["no", "activity_qty, activity_unit, fuel_type"]
    assert set(outputs.metrics["summary"]["split"]["tests_off"]) == set(rows)
    assert codes(outputs)["missing-stream"] >= 1


def test_other_conventions_are_no_errors(changed: Callable[..., Bundle]) -> None:
    """Factors in kg a TJ, heat in MJ a t, days for months, units in small letters: all of them count so."""
    burning = "CASE WHEN statements__source_category = 'fuel combustion' THEN 1000 ELSE 1 END"
    sql = (
        f"* REPLACE (statements__ef_co2 * {burning} AS statements__ef_co2, statements__ncv * 1000 AS statements__ncv, "
        "statements__period || '-01' AS statements__period, lower(statements__activity_unit) AS statements__activity_unit)"
    )
    plain, other = (conduct(read(changed(one, rows=12_000)), Parameters.read({})) for one in ("*", sql))
    same = {tuple(one) for one in zip(plain.within.stream, plain.within.reason, strict=True)}
    assert len(same) > 10
    assert len(same & {tuple(one) for one in zip(other.within.stream, other.within.reason, strict=True)}) >= 0.9 * len(same)
    assert len(other.within) <= 1.1 * len(plain.within)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("* EXCLUDE (statements__reported_tco2e)", "missing-column"),
        ("* EXCLUDE (statements__period)", "missing-column"),
        ("* REPLACE ('=1+1' AS statements__reported_tco2e)", "wrong-type"),
        ("* REPLACE ('1,5' AS statements__activity_qty)", "wrong-type"),
        ("* REPLACE (NULL AS statements__reported_tco2e)", "no-values"),
        ("* REPLACE ('soon' AS statements__period)", "time-unreadable"),
        ("* REPLACE (NULL AS statements__period)", "no-period"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(changed: Callable[..., Bundle], sql: str, code: str) -> None:
    with pytest.raises(MethodError) as refusal:
        run(changed(sql), quiet)
    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")


def shape(bundle: Bundle, where: str) -> Bundle:
    """The bundle cut to some of its rows."""
    path = bundle.folder / "linked.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE kept AS SELECT * FROM '{path}' WHERE {where}")
        connection.execute(f"COPY kept TO '{path}' (FORMAT parquet)")
    return bundle


def test_too_few_rows_are_refused_and_twelve_are_enough(changed: Callable[..., Bundle]) -> None:
    twelve = shape(changed(), "true QUALIFY row_number() OVER (ORDER BY pseudonym, statements__stream, statements__period) <= 12")
    outputs = run(twelve, quiet)
    assert outputs.restricted_list is not None
    assert {name for name in leaves(outputs) if name in outputs.tables} == set()
    with pytest.raises(MethodError) as refusal:
        run(shape(twelve, "true QUALIFY row_number() OVER () <= 11"), quiet)
    assert refusal.value.code == "too-few-rows"


def test_one_facility_alone_is_held_against_itself(changed: Callable[..., Bundle]) -> None:
    bundle, truth = ghg.link(changed().folder, 4000, 3)
    exact = next(one for one in truth if one["arithmetic"] and one["first"] == one["last"])  # one month: within the budget
    outputs = run(shape(bundle, f"pseudonym = '{exact['pseudonym']}'"), quiet)
    assert [line["pseudonym"] for line in outputs.restricted_list or []] == [exact["pseudonym"]]


def test_constant_series_are_no_flat_line(changed: Callable[..., Bundle]) -> None:
    constant = ", ".join(f"5.5 AS statements__{name}" for name in ("activity_qty", "reported_tco2e"))
    outputs = run(changed(f"* EXCLUDE (statements__activity_unit) REPLACE ({constant})"), quiet)
    assert codes(outputs)["flat-line"] == 0


def test_periods_in_the_future_or_nowhere_are_findings(changed: Callable[..., Bundle]) -> None:
    far = "CASE WHEN hash(pseudonym) % 9 = 0 THEN '2931-01' WHEN hash(pseudonym) % 9 = 1 THEN NULL ELSE statements__period END"
    outputs = run(changed(f"* REPLACE ({far} AS statements__period)", review_budget=1), quiet)
    assert codes(outputs)["period-implausible"] >= 2
    early = run(changed("* REPLACE ('2022-06-30' AS statements__submitted_at)", review_budget=1), quiet)
    assert codes(early)["period-implausible"] >= 10


def test_the_same_row_twice_is_a_duplicated_stream(changed: Callable[..., Bundle]) -> None:
    bundle = changed()
    path = bundle.folder / "linked.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE twice AS SELECT * FROM '{path}'")
        connection.execute(f"INSERT INTO twice SELECT * FROM '{path}' WHERE hash(pseudonym) % 10 = 0")
        connection.execute(f"COPY twice TO '{path}' (FORMAT parquet)")
    assert codes(run(Bundle(bundle.folder, {"review_budget": 1}), quiet))["duplicated-stream"] >= 1


@pytest.mark.parametrize("value", ["1e308", "-1e9", "'inf'::DOUBLE", "0", "1e-300"])
def test_huge_negative_and_no_numbers_are_borne(changed: Callable[..., Bundle], value: str) -> None:
    cells = {
        name: f"CASE WHEN hash(pseudonym || statements__period || '{name}') % 31 = 0 THEN {value} ELSE statements__{name} END"
        for name in ("reported_tco2e", "activity_qty", "production_qty", "ef_co2", "ncv", "hdd")
    }
    replaced = ", ".join(f"{sql} AS statements__{name}" for name, sql in cells.items())
    outputs = run(changed(f"* REPLACE ({replaced})", rows=2000), quiet)
    json.dumps([outputs.tables, outputs.metrics, outputs.restricted_list], allow_nan=False)


def test_annual_statements_are_compared_year_on_year(changed: Callable[..., Bundle]) -> None:
    bundle = changed(rows=20_000, seed=9)
    path = bundle.folder / "linked.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE year AS "
            "SELECT pseudonym, statements__stream, left(statements__period, 4) AS statements__period, "
            "any_value(statements__fuel_type) AS statements__fuel_type, "
            "any_value(statements__ksic_code) AS statements__ksic_code, "
            "sum(statements__reported_tco2e * CASE WHEN hash(pseudonym || statements__stream) % 50 = 0 AND "
            "statements__period LIKE '2022%' THEN 4 ELSE 1 END) AS statements__reported_tco2e, "
            f"sum(statements__production_qty) AS statements__production_qty FROM '{path}' GROUP BY ALL"
        )
        connection.execute(f"COPY year TO '{path}' (FORMAT parquet)")
    outputs = run(bundle, quiet)
    assert codes(outputs)["step-change"] + codes(outputs)["far-from-expected"] >= 3
    assert outputs.metrics["summary"]["split"]["periods"] == ["2021", "2023"]


def test_names_that_could_be_numbers_of_persons_stay_inside(changed: Callable[..., Bundle]) -> None:
    stream = "'900101-1234567-' || statements__stream AS statements__stream"
    outputs = run(changed(f"* REPLACE ({stream})"), quiet)
    assert outputs.restricted_list
    assert "900101" not in json.dumps(outputs.restricted_list)


def test_parameters_have_defaults_bounds_and_nothing_else() -> None:
    validator = Draft202012Validator(CARD.parameters)
    validator.validate({name: schema["default"] for name, schema in CARD.parameters["properties"].items()})
    for wrong in ({"review_budget": 0}, {"review_budget": 1.1}, {"gwp": "AR9"}, {"colour": "red"}):
        assert not validator.is_valid(wrong), wrong
    with pytest.raises(MethodError):
        Parameters.read({"colour": "red"})
