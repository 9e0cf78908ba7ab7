"""Cards of methods are read once for each code: kept by digest, believed only if this user's worker wrote them."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.analysis.worker import announcing, cards, hosting
from services.analysis.worker.cards import SECRET_FILE, CardCache
from services.analysis.worker.folders import own_folder
from services.analysis.worker.hosting import Hosted
from services.analysis.worker.jobs import Sandbox
from services.analysis.worker.launcher import Launcher
from shared.contracts import MethodCard
from tests.analysis import examples, worker_methods

pytestmark = pytest.mark.heavy
PROBE, OTHER = "blind_probe.probe", "blind_probe.other"
OTHER_CODE = 'from blind_probe.cards import card\n\nCARD = card("other")\n'
THIEF = """
from pathlib import Path
from shared.contracts import MethodCard
from blind_probe.cards import card

def reached():
    for path in Path({folder!r}).iterdir():
        path.read_bytes()
    Path({folder!r}, "planted").write_text("planted")

try:
    reached()
    told = "reached"
except OSError as fault:
    told = type(fault).__name__
CARD = card("thief").model_copy(update={{"purpose": told}})
"""
DENY = "from services.analysis.worker import landlock\nlandlock.version = lambda: 0\n"


@pytest.fixture
def methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = worker_methods.install(tmp_path / "methods")
    (folder / "blind_probe" / "other.py").write_text(OTHER_CODE)
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def card() -> MethodCard:
    return examples.card()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cards"


class Reading:
    """A start of a worker as far as the cards go; and how many were read in a child of their own."""

    def __init__(self, scratch: Path, caplog: pytest.LogCaptureFixture) -> None:
        self.scratch, self.caplog = scratch, caplog
        self.read: list[str] = []

    async def __call__(self, cache: Path, *targets: str, sandbox: Sandbox = Sandbox.PREFER) -> list[Hosted]:
        launcher = Launcher(preload=())
        self.caplog.clear()
        try:
            with own_folder(self.scratch) as mine:
                codes = await announcing.located(targets or (PROBE, OTHER))
                return [one async for one in announcing.hosted(launcher, mine, sandbox, codes, CardCache(cache))]
        finally:
            self.read = [vars(one)["method"] for one in self.caplog.records if one.message == "card read"]
            await launcher.stop()


@pytest.fixture
def reading(methods: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Reading]:
    with caplog.at_level(logging.DEBUG):
        yield Reading(tmp_path / "scratch", caplog)


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name != SECRET_FILE)


async def test_a_second_start_reads_no_card(reading: Reading, folder: Path) -> None:
    first = await reading(folder)
    assert reading.read == [PROBE, OTHER]
    assert [one.card.name for one in first] == ["probe", "other"]
    assert await reading(folder) == first
    assert reading.read == []
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(entries(folder)) == 2


async def test_changed_code_is_read_anew(reading: Reading, folder: Path, methods: Path) -> None:
    await reading(folder)
    other = methods / "blind_probe" / "other.py"
    other.write_text(OTHER_CODE.replace('"other"', '"changed"'))
    assert [one.card.name for one in await reading(folder)] == ["probe", "changed"]
    assert reading.read == [OTHER]


async def test_two_entry_points_of_the_same_files_have_each_its_card(reading: Reading, folder: Path, methods: Path) -> None:
    (methods / "blind_probe" / "other.py").write_text(
        "from types import SimpleNamespace as Method\nfrom blind_probe.cards import card\n"
        'first, second = (Method(CARD=card(name)) for name in ("first", "second"))\n'
    )
    for read in ([f"{OTHER}:first", f"{OTHER}:second"], []):
        found = await reading(folder, f"{OTHER}:first", f"{OTHER}:second")
        assert [one.card.name for one in found] == ["first", "second"]
        assert reading.read == read


async def test_another_version_of_a_library_reads_the_card_anew(reading: Reading, folder: Path, methods: Path) -> None:
    await reading(folder)
    (methods / "numpy-99.0.0.dist-info").mkdir()
    await reading(folder)
    assert reading.read == [PROBE, OTHER]


async def test_code_that_changes_while_it_is_read_is_not_hosted(
    reading: Reading, folder: Path, methods: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its card may be of the one or of the other."""
    real = announcing._card

    async def slow(*arguments: object) -> object:
        card = await real(*arguments)  # type: ignore[arg-type]  # as it is called
        (methods / "blind_probe" / "other.py").write_text(OTHER_CODE + "# changed\n")
        return card

    monkeypatch.setattr(announcing, "_card", slow)
    assert await reading(folder, OTHER) == []
    assert not folder.exists() or entries(folder) == []


def forged(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"purpose":"', b'"purpose":"Forged. '))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def large(path: Path) -> None:
    path.write_bytes(bytes(cards.LARGEST_ENTRY + 1))


def open_to_others(path: Path) -> None:
    path.chmod(0o644)


def linked(path: Path) -> None:
    moved = path.parent.with_name("elsewhere")
    path.rename(moved)
    path.symlink_to(moved)


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def of_another_user(path: Path) -> None:
    """As if copied from a cache that has another secret."""
    own = CardCache(path.parent.with_name("theirs"))
    own.put(hosting.locate(OTHER), "0" * 64, own_card(path))
    (entry,) = entries(own.folder or Path())
    path.write_bytes(entry.read_bytes())


def own_card(path: Path) -> MethodCard:
    return MethodCard.model_validate_json(path.read_bytes().partition(b"\n")[2])


def of_another_method(path: Path) -> None:
    first, second = entries(path.parent)
    content = first.read_bytes(), second.read_bytes()
    first.write_bytes(content[1])
    second.write_bytes(content[0])


def no_longer_a_card(path: Path) -> None:
    """Written by us, when a card was something else."""
    body = b'{"name": "probe"}'
    mac = cards._mac((path.parent / SECRET_FILE).read_bytes(), path.name, body)
    path.write_bytes(mac + b"\n" + body)


def without_its_secret(path: Path) -> None:
    (path.parent / SECRET_FILE).unlink()


TAMPERED = (
    forged, cut, emptied, large, open_to_others, linked, piped, of_another_user, of_another_method,
    no_longer_a_card, without_its_secret,
)  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda one: one.__name__)
def test_an_entry_that_is_not_as_it_was_written_is_not_believed(
    methods: Path, folder: Path, card: MethodCard, tamper: Callable[[Path], None]
) -> None:
    code, cache = hosting.locate(OTHER), CardCache(folder)
    for digest in ("0" * 64, "1" * 64):
        cache.put(code, digest, card.model_copy(update={"purpose": f"Of {digest}."}))
    tamper(folder / cache._key(code, "0" * 64))
    assert CardCache(folder).get(code, "0" * 64) is None
    assert cache.get(code, "0" * 64) is not None, "in memory"
    CardCache(folder).put(code, "0" * 64, card)
    assert CardCache(folder).get(code, "0" * 64) == card, "mended"


async def test_a_card_that_was_tampered_with_is_read_anew(reading: Reading, folder: Path) -> None:
    first = await reading(folder)
    forged(entries(folder)[0])
    assert await reading(folder) == first
    assert len(reading.read) == 1


def test_a_folder_of_somebody_else_is_not_used(methods: Path, folder: Path, card: MethodCard) -> None:
    code = hosting.locate(OTHER)
    for spoil in (lambda: folder.chmod(0o750), lambda: os.chown(folder, 65534, -1), lambda: linked(folder)):
        folder.mkdir(mode=0o700)
        spoil()
        cache = CardCache(folder)
        cache.put(code, code.digest, card)
        assert cache.folder is None
        assert cache.get(code, code.digest) == card, "in memory"
        assert list(folder.iterdir()) == []
        folder.unlink() if folder.is_symlink() else folder.rmdir()


async def test_nothing_is_kept_or_believed_where_a_layer_is_missing(
    reading: Reading, folder: Path, methods: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a method could have written to the cache; and foreign code is not hosted because it was elsewhere."""
    await reading(folder, sandbox=Sandbox.OFF)
    assert not entries(folder)
    await reading(folder)
    assert len(entries(folder)) == 2
    await reading(folder, sandbox=Sandbox.OFF)
    assert reading.read == [PROBE, OTHER]
    (methods / "sitecustomize.py").write_text(DENY)
    await reading(folder)
    assert reading.read == [PROBE, OTHER]
    assert await reading(folder, sandbox=Sandbox.BUILT_IN) == []


async def test_a_method_reaches_no_entry(reading: Reading, folder: Path, methods: Path) -> None:
    await reading(folder)
    (methods / "blind_probe" / "thief.py").write_text(THIEF.format(folder=str(folder)))
    for sandbox, told in ((Sandbox.OFF, "reached"), (Sandbox.PREFER, "PermissionError")):
        (found,) = await reading(folder, "blind_probe.thief", sandbox=sandbox)
        assert found.card.purpose == told
        (folder / "planted").unlink(missing_ok=True)


def test_entries_that_nobody_uses_are_removed(methods: Path, folder: Path, card: MethodCard) -> None:
    code, cache = hosting.locate(OTHER), CardCache(folder)
    cache.put(code, "0" * 64, card)
    cache.put(code, "1" * 64, card)
    for path in entries(folder):
        os.utime(path, (0, 0))
    kept = CardCache(folder)
    assert kept.get(code, "1" * 64) == card
    kept.put(code, "2" * 64, card)
    assert len(entries(folder)) == 2
    assert (folder / SECRET_FILE).exists()
