"""A model never leaves with a result: it is not among its contents, and nobody can read it there."""

from services.results.models import Status
from shared.contracts import OutputKind
from tests.results.build import artefact, finished, table
from tests.results.conftest import House


async def test_a_model_is_no_part_of_what_is_released(house: House) -> None:
    model = await artefact(house.storage, OutputKind.MODEL, "scorer", b"an ONNX file")
    result = await house.released((await artefact(house.storage, OutputKind.TABLE, "by_region", table()), model))
    assert [(verdict["kind"], verdict["name"]) for verdict in result.verdicts] == [("table", "by_region")]
    for role, ministry in (("requester", "mohw"), ("steward", "nts"), ("output-checker", "moel")):
        shown = await house.get(f"/results/{result.id}", role, ministry)
        assert model.object.sha256 not in shown.text
        assert "scorer" not in shown.text
    for part in ("tables", "figures", "metrics"):
        assert (await house.get(f"/results/{result.id}/{part}/scorer", "requester", "mohw")).status_code == 404


async def test_a_run_that_gives_nothing_but_a_model_has_no_result_to_release(house: House) -> None:
    model = await artefact(house.storage, OutputKind.MODEL, "scorer", b"an ONNX file")
    await house.finish(finished((model,)))
    result = await house.until(Status.WITHHELD)
    assert not any(result.contents.values())
