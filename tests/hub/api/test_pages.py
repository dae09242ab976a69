"""`/` and `/docs`: pages for people, which need nothing but the hub, in two languages, with examples that run."""

import asyncio
import json
import os
import subprocess
from html.parser import HTMLParser

import pytest

from hub.api.html import code, joined, prose, tag
from hub.texts import TEXTS
from schemas import core_catalogue
from schemas.export import description
from schemas.outline import outline
from tests.hub.api.conftest import TOKENS
from tests.hub.api.test_feed import feed
from tests.hub.api.test_ingest import CANARY, problem
from tests.peers import node

TYPE = "se.skolnav.absence.reported.v1"
EMPTY = {"meta", "link"}


class Reader(HTMLParser):
    """Reads a page strictly: each element ends where it should."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.codes = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name == "pre":
            self.codes[dict(attributes)["aria-label"]] = ""
        if name not in EMPTY:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.words.append(data)
        if "pre" in self.open:
            self.codes[list(self.codes)[-1]] += data

    def each(self, name):
        return [attributes for element, attributes in self.elements if element == name]


async def read(http, path, **headers):
    answer = await http.get(path, headers=headers)
    assert answer.status_code == 200, path
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Reader(answer.text), answer


@pytest.mark.parametrize("language", ["sv", "en"])
async def test_every_page_is_reached_from_the_start_and_needs_nothing_from_elsewhere(http, hub, language):
    waiting, seen, elsewhere = [f"/?lang={language}"], set(), set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        page, answer = await read(http, path)
        policy = dict(each.split(" ", 1) for each in answer.headers["content-security-policy"].split("; "))
        assert (policy["default-src"], policy["style-src"], "script-src" in policy) == ("'none'", "'self'", False)
        assert page.each("html") == [{"lang": language}]
        assert len(page.each("h1")) == len(page.each("main")) == len(page.each("nav")) == len(page.each("title")) == 1
        assert not {name for name, _ in page.elements} & {"script", "style", "img", "iframe", "form", "object"}
        assert not {key for _, given in page.elements for key in given if key.startswith("on") or key == "style"}
        assert len(page.each("table")) == len(page.each("caption"))
        assert all(each["scope"] in ("col", "row") for each in page.each("th"))
        assert all(each["tabindex"] == "0" and each["aria-label"] for each in page.each("pre"))
        ids = [given["id"] for _, given in page.elements if "id" in given]
        assert len(ids) == len(set(ids))
        for link in (*page.each("a"), *page.each("link")):
            address, _, anchor = link["href"].partition("#")
            assert address == "" or (address.startswith("/") and not address.startswith("//"))
            if anchor and not address:
                assert anchor in ids
            elif address.endswith(f"lang={language}"):
                waiting.append(address)
            else:
                elsewhere.add(address)
    for address in elsewhere - {f"/v1/catalogue/{each.type}" for each in hub.catalogue}:
        assert (await http.get(address)).status_code == 200
    assert {f"/docs/types/{each.type}?lang={language}" for each in hub.catalogue} <= seen
    assert len(seen) == len(list(hub.catalogue)) + 2


async def test_the_style_sheet_loads_nothing_either(http):
    answer = await http.get("/docs/style.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "url(" not in answer.text
    assert "@import" not in answer.text


@pytest.mark.parametrize(
    ("path", "preference", "language"),
    [("/", "sv-SE", "sv"), ("/", "de", "en"), ("/docs?lang=sv", "en", "sv"), ("/docs?lang=xx", "sv", "sv")],
)
async def test_the_language_is_that_of_the_link_or_of_the_browser(http, path, preference, language):
    page, answer = await read(http, path, **{"Accept-Language": preference})
    assert page.each("html") == [{"lang": language}]
    assert answer.headers["vary"] == "Accept-Language"


async def test_a_type_has_its_fields_with_their_categories_and_an_example(http, hub):
    page, _ = await read(http, f"/docs/types/{TYPE}?lang=sv")
    words = "".join(page.words)
    entry = hub.catalogue.entry(TYPE)
    for row in outline(entry):
        assert row.path in page.words
        assert all(each in words for each in row.categories if each not in ("none", "hub-only"))
    assert "närvaro (attendance)" in words
    assert "bara för hubben" in words
    assert json.loads(page.codes["Exempel"]) == hub.catalogue.example(entry)


async def test_a_type_that_is_not_there_is_404_and_not_repeated(http):
    problem(await http.get(f"/docs/types/{CANARY}"), 404, "not-found")


async def test_the_examples_publish_and_read(http, hub, served, tmp_path):
    """Those in C# are shown only."""
    address = f"127.0.0.1:{served}"
    page, _ = await read(http, "/docs?lang=en", Host=address)
    mine = await feed(http, types=["se.skolnav.schedule.*"])
    environ = {**os.environ, "FEED": mine.id}

    async def run(name, language, token):
        command = {"curl": ["bash", "-c"], "Python": ["python", "-c"], "JavaScript": ["node", "-e"]}[language]
        assert page.codes[f"{name}: C#"].count(f"http://{address}") == 1
        done = await asyncio.to_thread(
            subprocess.run, [*command, page.codes[f"{name}: {language}"]], cwd=tmp_path, capture_output=True, text=True,
            env={**environ, "TOKEN": TOKENS[token]}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    node.folder()
    event = hub.catalogue.example(hub.catalogue.entry("se.skolnav.schedule.day.closed.v1"))
    for day, language in enumerate(("curl", "Python", "JavaScript"), start=1):
        data = {**event["data"], "date": f"2026-12-0{day}"}  # the same day again would be no news
        (tmp_path / "event.json").write_text(json.dumps({**event, "id": language, "data": data}))
        assert '"accepted":1' in (await run("Publish an event", language, "feeder")).replace(" ", "")
    for language in ("Python", "JavaScript"):
        printed = (await run("Read a feed", language, "acme")).splitlines()
        assert printed[:-1] == [f"{event['type']} {each}" for each in ("curl", "Python", "JavaScript")]
        assert printed[-1].startswith(f"next: /v1/subscriptions/{mine.id}/events?after=")
    assert '"id":"JavaScript"' in await run("Read a feed", "curl", "acme")


def test_what_is_not_html_is_escaped():
    """A vendor's package brings words of its own."""
    assert tag("p", "<script>", title='"') == '<p title="&quot;">&lt;script&gt;</p>'
    assert prose("a `<b>` & c") == "a <code>&lt;b&gt;</code> &amp; c"
    assert "<i>" not in code("<i>", "<i>", "<i>") + joined("<i>")


def test_each_type_has_words_in_both_languages_and_those_of_the_catalogue():
    first = {f"type.{each.type}": description(each.model).partition("\n")[0] for each in core_catalogue()}
    assert {key: text.en for key, text in TEXTS.items() if key.startswith("type.")} == first
