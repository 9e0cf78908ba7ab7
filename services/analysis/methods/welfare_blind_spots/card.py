"""The method card: what welfare blind spots takes, gives, assumes, and must not be used for."""

from services.analysis.methods.toolkit.cards import outputs
from services.analysis.methods.welfare_blind_spots import titles
from services.analysis.methods.welfare_blind_spots.columns import INPUTS, KEY_DOMAIN, SIGNS
from services.analysis.methods.welfare_blind_spots.groups import NAMES
from services.analysis.methods.welfare_blind_spots.parameters import SCHEMA
from shared.contracts import Linkage, LocalText, MethodCard, OutputKind, Resources

CARD = MethodCard(
    name="welfare_blind_spots",
    version="2.0.0",
    title=LocalText(ko="복지 사각지대 발굴", en="Welfare blind spots"),
    purpose=(
        "Find households below an income limit that receive no means-tested benefit although households like them do, "
        "so that people of the ministry in charge can visit them, as many as they can, the likeliest first."
    ),
    owner="mohw",
    inputs=INPUTS,
    linkage=Linkage(key_domain=KEY_DOMAIN, base="household", match_floor=0.9),
    parameters=SCHEMA,
    outputs=(
        *outputs(OutputKind.TABLE, titles.TABLES),
        *outputs(OutputKind.FIGURE, titles.FIGURES),
        *outputs(OutputKind.METRICS, titles.METRICS),
        *outputs(OutputKind.RESTRICTED_LIST, titles.LISTS),
        *outputs(OutputKind.MODEL, titles.MODELS),
    ),
    assumptions=(
        "One row is one household in one survey year, under the number of its reference person.",
        "A household receives if it has any of the six means-tested benefits; none of them is a feature.",
        "Three models are compared: counting ten signs of need, logistic regression, and gradient boosting whose score "
        "may move with each input only as `monotone` says.",
        "Public pensions and veterans' benefits may move the score either way: they are income, and they are paid for old age, "
        "disability or the death of a breadwinner.",
        "Split by time: models learn from the training years alone, so every measured and every listed score is out of "
        "fold. The source has no number that follows a household from year to year, so none can stand on both sides.",
        "A household without a linked benefits record is unknown, not non-receiving: it is neither learned from, measured "
        "nor listed. One without a linked income record is never listed.",
        "The income limit counts all regular income, by the square root of the household's size.",
        "Reasons: each side of a household's life is set to that of the typical household; what lowers the score most is "
        "named, at most three, in words.",
        "Area and region group the tables and are no feature. Counts are of the sample, without weights.",
        "Of more than 300,000 training households a seeded sample is learned from; of more than 300,000 measured ones a sample "
        "tells what moves the score.",
        "Deterministic: fixed seed, one thread; equal scores stand in the order of the rows.",
    ),
    must_not_conclude=(
        "In the demo data benefits are partly imputed by the makers of the extract, and all data are American: the figures "
        "show the machinery and say nothing about Korea.",
        "A listed household is not thereby entitled, and one that is not listed is not thereby without need: this is no "
        "decision on eligibility.",
        "No decision on a person may rest on the score alone (Personal Information Protection Act, article 37-2): a person "
        "visits, decides, and can explain.",
        "Precision is measured on who receives today, not on who was visited: it is no rate of success of the list.",
        "Reasons say what moves the score, not what caused the need.",
        "After a leakage alarm (ROC-AUC above 0.95 of the model or of one column) nothing may be concluded; "
        "the result is held until a person has answered it.",
    ),
    monotone={name: sign for name, sign in SIGNS.items() if sign},
    fairness_groups=NAMES,
    resources=Resources(seconds=1800, memory_mb=4096),
)
