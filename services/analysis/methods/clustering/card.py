"""The method card: what clustering takes, gives, assumes, and must not be used for."""

from typing import Any

from services.analysis.methods.toolkit.any_table import KEY_DOMAIN, subjects
from services.analysis.methods.toolkit.cards import outputs
from services.analysis.methods.toolkit.parameters import COLUMNS, TITLES
from shared.contracts import Linkage, LocalText, MethodCard, OutputKind, Resources

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "clusters": {
            "type": ["integer", "null"],
            "minimum": 2,
            "maximum": 12,
            "default": None,
            "description": "How many; without it as many, of 2 to 8, as lie above chance and give the highest silhouette.",
        },
        "left_out": COLUMNS | {"description": "Columns that do not count."},
        "titles": TITLES,
    },
}
CARD = MethodCard(
    name="clustering",
    version="1.0.0",
    title=LocalText(ko="군집 분석", en="Clustering"),
    purpose="Find out whether the subjects of a table fall into kinds, how many, and what is typical of each.",
    owner="mois",
    inputs=(subjects(),),
    linkage=Linkage(key_domain=KEY_DOMAIN, base="table"),
    parameters=SCHEMA,
    outputs=(
        *outputs(
            OutputKind.TABLE,
            {
                "clusters": ("군집", "Clusters"),
                "profile": ("군집별 특성", "What is typical of each cluster"),
                "choices": ("군집 수의 선택", "How many clusters there are"),
            },
        ),
        *outputs(OutputKind.FIGURE, {"profile_figure": ("군집별 특성", "What is typical of each cluster")}),
        *outputs(OutputKind.METRICS, {"summary": ("주요 지표", "Headline figures")}),
        *outputs(OutputKind.MODEL, {"clusters_model": ("군집 모형", "Model of the clusters")}),
    ),
    assumptions=(
        "k-means on numbers and flags, each by its median and the width of its middle eight tenths and cut at two widths, so "
        "that no unit and no extreme decides; gaps are the median. Texts and dates do not count.",
        "The silhouette is held against data without any kinds, drawn eight times each: one Gaussian with the same "
        "covariance and skew, one box along the principal axes (gap statistic), and columns shuffled by themselves. There "
        "are kinds only where it is more than five standard errors above each; of these numbers the one of the highest "
        "silhouette is taken.",
        "Stability: the adjusted Rand index of clusters found in two halves, told apart on all rows.",
        "A cluster of fewer than ten subjects joins the nearest one.",
        "Scales, members and means are of all rows. Above 200,000 rows the clusters are learned from a seeded sample of so many; "
        "silhouette and stability are measured on at most 2,000, chance on 600.",
    ),
    must_not_conclude=(
        "Clusters are a description. Where no number of them lies above chance there are none, and no profile is given.",
        "A subject is not what is typical of its cluster.",
    ),
    resources=Resources(seconds=1800, memory_mb=4096),
)
