"""The method card: what regression takes, gives, assumes, and must not be used for."""

from typing import Any

from services.analysis.methods.toolkit.any_table import AUDIT, KEY_DOMAIN, subject_table
from services.analysis.methods.toolkit.cards import ASSUMPTIONS, MUST_NOT_CONCLUDE, column, outputs
from services.analysis.methods.toolkit.figures import TITLES as FIGURES
from services.analysis.methods.toolkit.parameters import CAPACITY, COLUMNS, FOLDS, SIGNS, TEST_FROM
from services.analysis.methods.toolkit.parameters import TITLES as TITLES_GIVEN
from services.analysis.methods.toolkit.quantities import LOSSES
from services.analysis.methods.toolkit.quantity_tables import TITLES as OWN_TABLES
from services.analysis.methods.toolkit.tables import TITLES as TABLES
from shared.contracts import ColumnType, Linkage, LocalText, MethodCard, OutputKind, Resources

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "loss": {
            "enum": list(LOSSES),
            "default": "squared_error",
            "description": "What is predicted: the mean, the mean of a count (poisson), or a quantile.",
        },
        "quantile": {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.5,
            "description": "Which quantile, if the loss is quantile.",
        },
        "test_from": TEST_FROM,
        "folds": FOLDS,
        "capacity": CAPACITY,
        "left_out": COLUMNS | {"description": "Columns that are no features."},
        "monotone": SIGNS,
        "titles": TITLES_GIVEN,
    },
}
SHARED_TABLES = ("drivers", "drift", "champion", "features", "availability")
TABLE = subject_table(column("target", ColumnType.NUMBER, "예측할 값", "Number to be predicted", required=True))
CARD = MethodCard(
    name="regression",
    version="1.0.0",
    title=LocalText(ko="회귀 분석", en="Regression"),
    purpose=(
        "Predict a number of each subject, such as a use, a cost or a count, with baselines beside the model, measures on "
        "rows that no model learned from, and reasons in words."
    ),
    owner="mois",
    inputs=(TABLE,),
    linkage=Linkage(key_domain=KEY_DOMAIN, base="table"),
    parameters=SCHEMA,
    outputs=(
        *outputs(OutputKind.TABLE, {name: TABLES[name] for name in SHARED_TABLES} | OWN_TABLES),
        *outputs(OutputKind.FIGURE, {name: FIGURES[name] for name in ("drivers_figure", "drift_figure")}),
        *outputs(OutputKind.FIGURE, {"calibration_figure": ("예측과 실제", "Predicted and observed")}),
        *outputs(OutputKind.METRICS, {"summary": ("주요 지표", "Headline figures")}),
        *outputs(OutputKind.RESTRICTED_LIST, {"highest": ("예측값이 높은 대상 명단", "List of the highest predictions")}),
        *outputs(OutputKind.MODEL, {"regression_model": ("회귀 모형", "Model of the regression")}),
    ),
    assumptions=(
        "One row is one subject at one time; the target is empty where it is not known yet.",
        "Every further column is a feature; sex, age band, region and kind only group the tables.",
        "The mean, a ridge and boosting are compared. Of ridge and boosting the better inside the training rows is kept; for "
        "counts, quantiles and under monotone constraints it is always boosting.",
        *ASSUMPTIONS[:1],
        *ASSUMPTIONS[2:4],
    ),
    must_not_conclude=MUST_NOT_CONCLUDE,
    fairness_groups=AUDIT,
    resources=Resources(seconds=3600, memory_mb=4096),
)
