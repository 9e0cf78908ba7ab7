"""A method card says through which door each output leaves, also one from before it could, and never another than its kind's."""

from typing import Any

import pytest
from sqlmodel import col, update

from services.analysis import policy
from services.analysis.models import Method
from shared.contracts import DisclosureClass, MethodCard, OutputKind
from shared.errors import Unprocessable
from tests.analysis.centre import Centre
from tests.analysis.examples import card

CLASSES = {
    OutputKind.TABLE: DisclosureClass.AGGREGATE,
    OutputKind.FIGURE: DisclosureClass.AGGREGATE,
    OutputKind.METRICS: DisclosureClass.AGGREGATE,
    OutputKind.RESTRICTED_LIST: DisclosureClass.RESTRICTED,
    OutputKind.MODEL: DisclosureClass.INTERNAL,
    OutputKind.LOG: DisclosureClass.INTERNAL,
}


def of_kind(kind: OutputKind, **more: Any) -> MethodCard:
    return card(outputs=[{"name": "one", "kind": kind, "title": {"ko": "하나", "en": "One"}, **more}])


def silent() -> dict[str, Any]:
    """The card as it was written before it could say it."""
    told = card().model_dump(mode="json")
    for output in told["outputs"]:
        del output["disclosure"]
    return told


@pytest.mark.parametrize("kind", OutputKind)
def test_each_kind_leaves_through_one_door(kind: OutputKind) -> None:
    assert [output.disclosure for output in of_kind(kind).outputs] == [CLASSES[kind]]
    assert of_kind(kind).lists_entities is (CLASSES[kind] is DisclosureClass.RESTRICTED)


@pytest.mark.parametrize("kind", OutputKind)
@pytest.mark.parametrize("said", DisclosureClass)
def test_a_card_that_says_another_door_is_refused(kind: OutputKind, said: DisclosureClass) -> None:
    told = of_kind(kind, disclosure=said)
    if said is CLASSES[kind]:
        policy.check_card(told)
        return
    with pytest.raises(Unprocessable) as refused:
        policy.check_card(told)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("#/card/outputs/0/disclosure", "other-door")]


async def test_reviewers_see_it_and_a_card_from_before_is_still_the_same(centre: Centre) -> None:
    body = {"card": silent(), "digest": "ab" * 32}
    headers = centre.headers("worker", "centre")
    assert (await centre.client.post("/analysis/methods", json=body, headers=headers)).status_code == 201
    async with centre.client.app.state.db.transaction() as session:
        await session.exec(update(Method).where(col(Method.name) == "peers").values(card=silent()))
    assert (await centre.announce()).status_code == 200
    shown = await centre.client.get("/analysis/methods/peers/1.0.0", headers=centre.headers("method-reviewer", "mois"))
    assert {each["name"]: each["disclosure"] for each in shown.json()["card"]["outputs"]} == {
        "by_region": "aggregate",
        "odd_sites": "restricted",
    }
