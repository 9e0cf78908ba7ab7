"""The start page: in the caller's language, its links lead somewhere, and the last demonstration's report is on it."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from deploy.embedded import build, embed
from deploy.front import WORDS


class Links(HTMLParser):
    """The addresses and the language of a page; fails on a tag that is closed by another."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.lang = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag != "meta":
            self.open.append(tag)
        if tag == "html":
            self.lang = told["lang"] or ""
        if tag == "a":
            self.found.append(told["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The embedded suite, running."""
    suite = embed(build(tmp_path / "suite", "http://test"), tmp_path / "demo")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(suite.router.lifespan_context(suite))
        transport = httpx.ASGITransport(app=suite, raise_app_exceptions=False)
        yield await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))


@pytest.mark.heavy
async def test_every_link_of_the_start_page_leads_somewhere(client: httpx.AsyncClient, tmp_path: Path) -> None:
    bare = Links((await client.get("/")).text).found
    assert not [link for link in bare if link.startswith("/demo")]
    (tmp_path / "demo").mkdir()
    for lang in WORDS:
        (tmp_path / "demo" / f"report-{lang}.html").write_text(f"<p>{lang}</p>")
    page = Links((await client.get("/")).text)
    assert sum(link.endswith("/docs") for link in page.found) == 5
    assert sum(link.endswith(("/healthz", "/live")) for link in page.found) == 5
    assert sum(link.endswith(("/readyz", "/ready")) for link in page.found) == 5
    assert page.found[-2:] == ["/demo/report?lang=ko", "/demo/report?lang=en"]
    for link in page.found:
        assert (await client.get(link)).status_code == 200, link
    assert (await client.get("/demo/report?lang=en")).text == "<p>en</p>"
    for path in ("/demo", "/demo/", "/demo/report/../report-ko.html", "/demo/reports"):
        assert (await client.get(path)).status_code == 404, path


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The page without the services."""
    transport = httpx.ASGITransport(app=embed({}, tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("query", "header", "lang"),
    [
        ("", "", "ko"),
        ("", "en-GB,en;q=0.8,ko;q=0.7", "en"),
        ("", "ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("", "fr, en;q=0.2", "en"),
        ("", "fr", "en"),
        ("?lang=en", "ko", "en"),
        ("?lang=ko", "en", "ko"),
    ],
)
async def test_the_page_is_in_the_callers_language(alone: httpx.AsyncClient, query: str, header: str, lang: str) -> None:
    answer = await alone.get(f"/{query}", headers={"Accept-Language": header} if header else {})
    assert (answer.status_code, answer.headers["Content-Language"]) == (200, lang)
    assert Links(answer.text).lang == lang
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"], "a browser would not apply the style"
    assert WORDS[lang]["intro"] in answer.text
    assert bool(re.search("[가-힣]", answer.text.replace("한국어", ""))) is (lang == "ko")


def shape(words: object) -> object:
    if isinstance(words, dict):
        return {name: shape(each) for name, each in words.items()}
    return [shape(each) for each in words] if isinstance(words, list) else bool(words)


def test_both_languages_say_the_same_things() -> None:
    assert shape(WORDS["ko"]) == shape(WORDS["en"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/?lang=fr", 422),
        ("GET", "/?x=1", 422),
        ("GET", "/demo/report", 404),
        ("POST", "/", 405),
        ("GET", "/nowhere", 404),
    ],
)
async def test_what_is_not_there_is_a_problem(alone: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await alone.request(method, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
