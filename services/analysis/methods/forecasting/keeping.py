"""The ridge of all groups together as a model for the next round, and the released one beside the way that this round chose."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from services.analysis.methods.forecasting.card import CARD, SEASONS
from services.analysis.methods.forecasting.series import Series, day_of, rounded
from services.analysis.methods.forecasting.ways import Record, change_of, first_of, lags_of, shortest
from services.analysis.methods.toolkit.arrays import Floats, Matrix, Whole
from services.analysis.methods.toolkit.beside import NEW, RELEASED
from services.analysis.methods.toolkit.champion import score_champion
from services.analysis.methods.toolkit.export import RefusedError, matrix_of
from services.analysis.methods.toolkit.keeping import model_file
from services.analysis.methods.toolkit.layout import Cell, Table, Text, count, dimension, measured, table, text
from services.analysis.methods.toolkit.tables import MODEL as MODEL_COLUMNS
from services.analysis.methods.toolkit.tables import TITLES
from services.analysis.worker.sdk import Bundle, MethodError
from shared.contracts import ModelFeature, ModelManifest, TrainingPeriod

MODEL = "forecast_model"
FEW = 6
"""Of fewer periods a mean error says little."""


def names_of(frequency: str) -> list[str]:
    """What the model takes: changes against the season before, over their usual spread, of so many periods before; the place in
    the season as a point on a circle. The names say of which periods."""
    season = SEASONS[frequency]
    turns = [f"{frequency}_sine", f"{frequency}_cosine"] if season > 1 else []
    return [*(f"change_{frequency}_{lag}" for lag in lags_of(season)), *turns]


def columns_of(one: Series, at: Whole, spread: Floats, frequency: str) -> dict[str, Floats]:
    """Of these periods, by what was known before each; `spread` of the changes, in the unit of the values, one a period.
    The place in the season is that of the calendar, wherever the series begins."""
    season = SEASONS[frequency]
    change, angle = change_of(one.values, season), 2 * np.pi * ((one.start + at) % season) / season
    values = [*(change[at - lag] / spread for lag in lags_of(season)), np.sin(angle), np.cos(angle)]
    return dict(zip(names_of(frequency), values, strict=False))


def spread_of(change: Floats, season: int, before: int) -> float:
    """How much the changes of the periods before this one usually spread; 1 where none does."""
    return float(np.std(change[season:before])) or 1.0


def learn(one: Series, frequency: str) -> tuple[Pipeline, Matrix]:
    """The ridge of a series, and the rows that it learned from. RefusedError if the series is too short."""
    season, periods = SEASONS[frequency], len(one.values)
    if periods < shortest(season):
        raise RefusedError("too-few-rows", f"The series is too short for the ridge, which needs {shortest(season)} periods.")
    change, at = change_of(one.values, season), np.arange(first_of(season), periods)
    spread = np.full(len(at), spread_of(change, season, periods))
    features = [ModelFeature(name=name) for name in names_of(frequency)]
    matrix = matrix_of(features, columns_of(one, at, spread, frequency), len(at))
    gaps = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
    return Pipeline([("gaps", gaps), ("model", Ridge(alpha=1.0))]).fit(matrix, change[at] / spread), matrix


def said(one: Series, at: Whole, spread: Floats, scores: Floats, season: int) -> Floats:
    """What a model's scores forecast of these periods, in the unit of the values."""
    return np.asarray(one.values[at - season] + scores * spread)


def keep_model(one: Series, past: list[Record], frequency: str) -> bytes:
    """As a file, with its errors one period ahead in the past. RefusedError if the series is too short."""
    model, matrix = learn(one, frequency)
    features = [ModelFeature(name=name) for name in names_of(frequency)]
    last = date.fromisoformat(day_of(one.start + len(one.values), frequency)) - timedelta(days=1)
    period = TrainingPeriod(first=date.fromisoformat(day_of(one.start, frequency)), last=last, rows=len(matrix))
    return model_file(CARD, model, features, matrix, period, metrics_of(one, past, frequency))


def metrics_of(one: Series, past: list[Record], frequency: str) -> dict[str, float]:
    """Errors one period ahead, of models that saw nothing of what came after; none where these had too little to learn from."""
    season = SEASONS[frequency]
    at = np.array([each for each in past[0].origins if each >= shortest(season)], dtype=np.int64)
    if not len(at):
        return {}
    spread = spreads_of(one, at, season)
    columns = columns_of(one, at, spread, frequency)
    matrix = np.column_stack(list(columns.values())).astype(np.float32)
    models = (learn(replace(one, values=one.values[:each]), frequency)[0] for each in at)
    scores = np.array([float(model.predict(row[None])[0]) for model, row in zip(models, matrix, strict=True)])
    errors = one.values[at] - said(one, at, spread, scores, season)
    record = one_ahead("ridge", errors, past, at)
    return {"mae": record.mae, "mase": record.mase}


def spreads_of(one: Series, at: Whole, season: int) -> Floats:
    change = change_of(one.values, season)
    return np.array([spread_of(change, season, int(each)) for each in at])


def one_ahead(way: str, errors: Floats, past: list[Record], at: Whole) -> Record:
    """Errors at these periods, beside those of the season before at the same ones."""
    naive = next(each for each in past if each.way == "seasonal").errors[at - past[0].origins.start, 0]
    return Record(way, errors[:, None], float(np.abs(naive).mean()), past[0].origins)


def beside(one: Series, past: list[Record], chosen: Record, frequency: str, bundle: Bundle, released: ModelManifest) -> Table:
    """The released model one period ahead beside the way that was chosen, on the same periods: those after its training, or the
    last ones if there are none. Errors in the unit of the values. MethodError if the file cannot be used."""
    season, last = SEASONS[frequency], released.training.last
    origins = np.array(chosen.origins, dtype=np.int64)
    later = np.array([last is not None and day_of(one.start + int(at), frequency) > last.isoformat() for at in origins])
    at = origins[later] if later.any() else origins
    spread = spreads_of(one, at, season)
    scores = score_champion(bundle, columns_of(one, at, spread, frequency)).scores
    old = one_ahead("champion", one.values[at] - said(one, at, spread, scores, season), past, at)
    new = one_ahead(chosen.way, chosen.errors[at - origins[0], 0], past, at)
    days = [day_of(one.start + int(each), frequency) for each in (at[0], at[-1])]
    rows: list[list[Cell]] = [
        [name, *words, *days, len(at), int(one.subjects[at].min()), rounded(record.mae), round(record.mase, 4)]
        for name, words, record in (("champion", RELEASED, old), ("challenger", NEW, new))
    ]
    columns = [
        *MODEL_COLUMNS,
        dimension("first", "첫 기간", "First period"),
        dimension("last", "마지막 기간", "Last period"),
        dimension("periods", "기간 수", "Periods"),
        count("subjects", "대상 수", "Subjects"),
        measured("mae", "평균 절대 오차", "Mean absolute error", of="subjects"),
        measured("mase", "MASE", "MASE", of="subjects"),
    ]
    return table("champion", TITLES["champion"], columns, rows, told(chosen.way, len(at), seen=not later.any()))


def told(way: str, periods: int, *, seen: bool) -> Text:
    ko = f"한 기간 앞의 예측을 같은 기간에서 비교했습니다. 새 예측은 이 기간들로 고른 방법({way})이며 그 뒤를 보지 않았습니다."
    en = f"One period ahead, on the same periods. The new one is the way chosen on them ({way}), blind to what came after."
    if seen:
        ko += " 공개된 모형의 학습 뒤에 온 기간이 없어, 그 모형이 이미 배운 마지막 기간들에서 비교했습니다."
        en += " No period came after the training of the released model: these are the last ones, which it has learned from."
    if periods < FEW:
        ko += f" 기간이 {FEW}개보다 적어 우열을 말할 수 없습니다."
        en += f" Fewer than {FEW} periods do not say which is better."
    return text(ko, en)


def check_frequency(released: ModelManifest, frequency: str) -> None:
    told = [feature.name for feature in released.features]
    if told == names_of(frequency):
        return
    other = next((each for each in SEASONS if names_of(each) == told), "another length")
    raise MethodError(
        "champion-other-frequency", f"The released model was trained on periods of {other}, this forecast is of {frequency}."
    )
