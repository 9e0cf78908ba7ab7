"""The method card: what risk scoring takes, gives, assumes, and must not be used for."""

from services.analysis.methods.risk_scoring.parameters import SCHEMA
from services.analysis.methods.toolkit.any_table import AUDIT, KEY_DOMAIN, subject_table
from services.analysis.methods.toolkit.cards import ASSUMPTIONS, MUST_NOT_CONCLUDE, column, outputs
from services.analysis.methods.toolkit.figures import TITLES as FIGURES
from services.analysis.methods.toolkit.tables import TITLES as TABLES
from shared.contracts import ColumnType, Linkage, LocalText, MethodCard, OutputKind, Resources

OUTCOME = ("outcome", "outcome_number")
TABLE = subject_table(
    column("outcome", ColumnType.BOOLEAN, "결과", "Outcome"),
    column("outcome_number", ColumnType.NUMBER, "결과 (0 또는 1)", "Outcome as 0 or 1"),
)
CARD = MethodCard(
    name="risk_scoring",
    version="1.0.0",
    title=LocalText(ko="위험 점수", en="Risk scoring"),
    purpose=(
        "Order subjects by how likely a yes-or-no outcome is, so that as many as the field can handle are looked at, the "
        "likeliest first; with baselines beside the model, measures out of time, and reasons in words."
    ),
    owner="mois",
    inputs=(TABLE,),
    linkage=Linkage(key_domain=KEY_DOMAIN, base="table"),
    parameters=SCHEMA,
    outputs=(
        *outputs(OutputKind.TABLE, TABLES),
        *outputs(OutputKind.FIGURE, FIGURES),
        *outputs(OutputKind.METRICS, {"summary": ("주요 지표", "Headline figures")}),
        *outputs(OutputKind.RESTRICTED_LIST, {"risk_list": ("점수가 높은 대상 명단", "List of the highest scores")}),
        *outputs(OutputKind.MODEL, {"risk_model": ("위험 점수 모형", "Model of the risk score")}),
    ),
    assumptions=(
        "One row is one subject at one time. The outcome is `outcome`, or `outcome_number` as 0 or 1; empty where not known.",
        "An outcome that takes time is known only when its whole time was observed (`outcome_takes_days`, `observed_until`): a "
        "case that is known sooner is neither measured nor listed.",
        "Every further column is a feature; sex, age band, region and kind only group the tables.",
        "Logistic regression, boosting and (up to 10,000 rows) a random forest are compared with the base rate. The best inside "
        "the training rows is kept; with monotone constraints it is always boosting, which alone can hold them.",
        *ASSUMPTIONS,
    ),
    must_not_conclude=MUST_NOT_CONCLUDE,
    fairness_groups=AUDIT,
    resources=Resources(seconds=3600, memory_mb=4096),
)
