"""Expected activity as a model: handed in by one round, beside the next one, and never a part of what that one finds."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

from deploy.evaluate import ghg
from services.analysis.methods.deviation.residuals import FEWEST, boosting
from services.analysis.methods.ghg_anomalies import CARD, run
from services.analysis.methods.ghg_anomalies.keeping import features_of, keep_model
from services.analysis.methods.ghg_anomalies.layers.expected import fit_expected
from services.analysis.methods.ghg_anomalies.lessons import Lessons, lessons_of
from services.analysis.methods.ghg_anomalies.panel import read
from services.analysis.methods.ghg_anomalies.parameters import Parameters
from services.analysis.methods.ghg_anomalies.parts import conduct_all
from services.analysis.methods.ghg_anomalies.study import conduct
from services.analysis.methods.toolkit.champion import score_champion
from services.analysis.methods.toolkit.export import matrix_of, read_manifest
from services.analysis.worker.sdk import CHAMPION_FILE, Bundle, MethodError, Outputs
from shared.contracts import FeatureKind, ModelFormat, OutputKind
from tests.analysis import models
from tests.analysis.linked import check_passes, records, silent

pytestmark = pytest.mark.fit

ROWS = 8000
YEARS = (
    "SELECT pseudonym, statements__stream, left(statements__period, 4) AS statements__period, "
    "any_value(statements__fuel_type) AS statements__fuel_type, any_value(statements__ksic_code) AS statements__ksic_code, "
    "sum(statements__reported_tco2e) AS statements__reported_tco2e, "
    "sum(statements__production_qty) AS statements__production_qty FROM linked GROUP BY ALL ORDER BY 1, 2, 3"
)
Make = Callable[..., Bundle]


@pytest.fixture
def next_round(tmp_path: Path) -> Make:
    """Statements of another year's facilities, and a released model beside them."""

    def make(model: bytes, change: str = "*", query: str = "SELECT * FROM linked", rows: int = ROWS) -> Bundle:
        bundle, _ = ghg.link(tmp_path, rows, 22, change)
        path = bundle.folder / "linked.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE linked AS SELECT * FROM '{path}'")
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        (bundle.folder / CHAMPION_FILE).write_bytes(model)
        return bundle

    return make


@pytest.fixture(scope="module")
def first_year(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return ghg.link(tmp_path_factory.mktemp("first"), ROWS, 21)[0]


@pytest.fixture(scope="module")
def lessons(first_year: Bundle) -> Lessons:
    return conduct(read(first_year), Parameters.read({})).lessons


@pytest.fixture(scope="module")
def first(first_year: Bundle) -> Outputs:
    return run(first_year, silent)


@pytest.fixture(scope="module")
def model(first: Outputs) -> bytes:
    return first.models["expected_model"]


def findings(outputs: Outputs) -> str:
    """All that a round says of its statements."""
    tables = {name: table for name, table in outputs.tables.items() if name not in ("champion", "drift")}
    return json.dumps([tables, outputs.figures, outputs.metrics, outputs.restricted_list], allow_nan=False)


@pytest.mark.fit
def test_a_round_hands_in_a_model_that_may_be_registered(first: Outputs, model: bytes, tmp_path: Path) -> None:
    assert {each.name for each in CARD.outputs if each.kind is OutputKind.MODEL} == set(first.models)
    manifest = models.registrable(model, CARD, tmp_path)
    assert manifest.parity is not None
    assert min(manifest.parity.rows_with_missing, manifest.parity.rows_with_unknown) > 1000
    assert (str(manifest.training.first), str(manifest.training.last)) == ("2021-01-01", "2023-12-31")
    assert (manifest.metrics["r2"] or 0) > 0.5
    assert set(manifest.reference.features) == {feature.name for feature in manifest.features}


@pytest.mark.fit
def test_features_are_named_and_categories_are_those_of_ten_facilities(model: bytes, lessons: Lessons) -> None:
    features = {feature.name: feature for feature in read_manifest(model).features}
    assert set(features) == {"production", "hdd", "cdd", "others", "season", "fuel", "sector"}, "nobody gave hours"
    assert {name for name, one in features.items() if one.kind is FeatureKind.CATEGORY} == {"fuel", "sector"}
    for name in ("fuel", "sector"):
        own = {each: len(set(lessons.facility[lessons.columns[name] == each])) for each in set(lessons.columns[name])}
        assert set(features[name].categories) == {each for each, facilities in own.items() if facilities >= 10} < set(own)


@pytest.mark.fit
def test_the_file_answers_as_the_estimator_does(lessons: Lessons, tmp_path: Path) -> None:
    path = tmp_path / CHAMPION_FILE
    path.write_bytes(keep_model(lessons))
    named = read_manifest(path.read_bytes()).features
    matrix = matrix_of(named, lessons.columns, len(lessons))
    assert {feature.name for feature in features_of(lessons)} == {feature.name for feature in named} | {"hours"}
    wanted = boosting(seed=20241).fit(matrix, lessons.target).predict(matrix)
    np.testing.assert_allclose(score_champion(Bundle(tmp_path), lessons.given).scores, wanted, atol=1e-5)


@pytest.mark.fit
def test_the_next_round_stands_beside_the_released_model(model: bytes, next_round: Make) -> None:
    bundle = next_round(model)
    outputs = run(bundle, silent)
    check_passes(outputs)
    own = conduct(read(bundle), Parameters.read({})).lessons
    beside = {row["model"]: row for row in records(outputs.tables["champion"])}
    scores = score_champion(bundle, own.given).scores
    assert {row["rows"] for row in beside.values()} == {len(own)}
    for name, said in (("champion", scores), ("challenger", own.expected)):
        assert beside[name]["mae"] == pytest.approx(np.abs(own.target - said).mean(), rel=1e-4)
        assert beside[name]["r2"] > 0.5
    drift = {row["feature"]: row["verdict"] for row in records(outputs.tables["drift"])}
    assert drift["score"] == drift["season"] == "steady"
    assert "up to 2023-12-31" in outputs.tables["champion"]["notes"]["en"]


@pytest.mark.fit
def test_a_champion_alters_no_finding(model: bytes, next_round: Make, few_trees: None) -> None:
    bundle = next_round(model)
    beside = run(bundle, silent)
    (bundle.folder / CHAMPION_FILE).unlink()
    alone = run(bundle, silent)
    assert findings(beside) == findings(alone)
    assert beside.models == alone.models
    assert set(beside.tables) - set(alone.tables) == {"champion", "drift"}


@pytest.mark.fit
def test_explained_cells_neither_teach_nor_are_compared(model: bytes, next_round: Make, few_trees: None) -> None:
    panel = read(next_round(model))
    found = fit_expected(panel, panel.grid("reported_tco2e"), np.zeros(panel.shape, dtype=bool))
    explained = np.random.default_rng(1).random(panel.shape) < 0.1
    left = lessons_of(panel, found, explained)
    known = np.isfinite(found.target)
    assert len(lessons_of(panel, found, ~known)) == known.sum()
    assert len(left) == (known & ~explained).sum() < known.sum()
    np.testing.assert_array_equal(left.target, found.target[known & ~explained])
    whole = conduct(panel, Parameters.read({}))
    assert len(whole.lessons) <= panel.present.sum() - whole.findings.periods[whole.findings.layer == 0].sum()


@pytest.mark.fit
def test_a_month_means_the_same_where_the_statements_begin_in_another(model: bytes, next_round: Make) -> None:
    bundle = next_round(model, query="SELECT * FROM linked WHERE statements__period >= '2021-06'")
    outputs = run(bundle, silent)
    beside = {row["model"]: row["mae"] for row in records(outputs.tables["champion"])}
    assert beside["champion"] < 1.3 * beside["challenger"]
    season = conduct(read(bundle), Parameters.read({})).lessons
    assert set(season.columns["season"][season.period == 0]) == {5.0}


@pytest.mark.fit
def test_fuels_and_sectors_that_it_never_saw_are_told(model: bytes, next_round: Make, few_trees: None) -> None:
    fuel = "CASE WHEN hash(pseudonym) % 2 = 0 THEN 'hydrogen' ELSE statements__fuel_type END"
    change = f"* REPLACE ({fuel} AS statements__fuel_type, 'Z99999' AS statements__ksic_code)"
    outputs = run(next_round(model, change), silent)
    check_passes(outputs)
    notes = outputs.tables["champion"]["notes"]
    assert "never saw (share of rows): fuel (" in notes["en"]
    assert "sector (100%)" in notes["en"]
    assert "sector (100%)" in notes["ko"]
    assert "hydrogen" not in json.dumps(outputs.tables["champion"])


@pytest.mark.fit
def test_columns_that_the_round_lacks_are_told(model: bytes, next_round: Make, few_trees: None) -> None:
    outputs = run(next_round(model, "* EXCLUDE (statements__production_qty)"), silent)
    assert "Features that this table lacks: production." in outputs.tables["champion"]["notes"]["en"]


def refusal(bundle: Bundle) -> str:
    with pytest.raises(MethodError) as refused:
        run(bundle, silent)
    assert refused.value.detail.endswith(".")
    return refused.value.code


@pytest.mark.fit
@pytest.mark.parametrize(
    "damage", [lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda whole: b"PK\x03\x04" + whole]
)
def test_a_broken_file_is_refused(model: bytes, next_round: Make, damage: Callable[[bytes], bytes]) -> None:
    assert refusal(next_round(damage(model), rows=1000)) == "champion-unreadable"


def test_a_model_of_another_method_is_refused(next_round: Make) -> None:
    assert refusal(next_round(models.onnx_file(), rows=1000)) == "champion-other-method"


@pytest.mark.fit
def test_a_model_of_months_is_not_held_against_years_nor_one_of_years_against_months(
    model: bytes, next_round: Make, few_trees: None
) -> None:
    yearly = next_round(model, query=YEARS, rows=12_000)
    assert refusal(yearly) == "champion-other-frequency"
    (yearly.folder / CHAMPION_FILE).unlink()
    annual = run(yearly, silent).models["expected_model"]
    assert "season" not in {feature.name for feature in read_manifest(annual).features}
    assert str(read_manifest(annual).training.last) == "2023-12-31"
    assert refusal(next_round(annual, rows=3000)) == "champion-other-frequency"


@pytest.mark.fit
@pytest.mark.parametrize("where", [f"true LIMIT {FEWEST // 2}", "pseudonym = (SELECT min(pseudonym) FROM linked)"])
def test_too_little_to_learn_from_gives_no_model_and_says_so(model: bytes, next_round: Make, where: str) -> None:
    bundle = next_round(model, query=f"SELECT * FROM linked WHERE {where}")
    outputs = run(bundle, silent)
    assert outputs.models == {}
    assert "No model is handed in. 60 known statements of 10 facilities" in outputs.metrics["summary"]["notes"]["en"]
    assert "모형을 제출하지 않았습니다. 배울 행이 너무 적습니다." in outputs.metrics["summary"]["notes"]["ko"]
    assert "champion" not in outputs.tables


@pytest.mark.fit
def test_statements_in_parts_teach_one_model(tmp_path: Path, few_trees: None) -> None:
    bundle, _ = ghg.link(tmp_path, 6000, 23)
    whole, parted = (conduct_all(bundle, Parameters.read({}), silent, most=most)[0].lessons for most in (ROWS, 3000))
    assert parted.facilities == whole.facilities
    assert len(whole) > len(parted) == 3000, "as many as one part has rows"
    assert read_manifest(keep_model(parted)).format is ModelFormat.ONNX
