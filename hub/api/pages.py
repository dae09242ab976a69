"""`/` and `/docs`: pages for people, made from the catalogue, in Swedish and English. Public.

They need no script and nothing from another address, so their policy allows a style sheet of the hub's own alone.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from hub.api.addresses import url_of
from hub.api.html import Html, code, joined, prose, table, tag
from hub.api.page_examples import HUB, PUBLISH, READ
from hub.http.access import Parts
from hub.http.browsers import ANY_ORIGIN
from hub.http.languages import preferred
from hub.http.problems import ApiProblem
from hub.texts import TEXTS, Language, text
from schemas import Entry, UnknownType
from schemas.export import description, pattern
from schemas.outline import HUB_ONLY, Row, outline

STYLE_PATH: Final = "/docs/style.css"
_POLICY: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS: Final = {"Content-Security-Policy": _POLICY, "Vary": "Accept-Language", **ANY_ORIGIN}
_STYLE: Final = """\
:root { color-scheme: light dark; --line: #767676; --soft: #f2f4f7; --link: #0b4f9e; }
@media (prefers-color-scheme: dark) { :root { --soft: #24272c; --link: #9cc7ff; } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 0 1rem 3rem; }
a { color: var(--link); }
a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { left: -99rem; position: absolute; }
.skip:focus { left: 1rem; }
nav ul { display: flex; flex-wrap: wrap; gap: 0 1.5rem; list-style: none; padding: 0; }
.wide, pre { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { font-weight: bold; padding: .5rem 0; text-align: left; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; }
tbody th { font-weight: normal; }
pre { background: var(--soft); border-radius: .3rem; padding: .8rem; }
"""

router = APIRouter(include_in_schema=False)


async def _spoken(
    lang: Annotated[str, Query(max_length=20)] = "", accept_language: Annotated[str, Header()] = ""
) -> Language:
    """The language that the link names, else the one that the browser prefers."""
    return "sv" if lang == "sv" else "en" if lang == "en" else preferred(accept_language)


Spoken = Annotated[Language, Depends(_spoken)]


class _Page:
    """What all pages have in common, in one language."""

    def __init__(self, language: Language, path: str) -> None:
        self.language = language
        self._path = path

    def say(self, key: str) -> Html:
        return prose(text(key, self.language))

    def link(self, path: str, label: str) -> Html:
        """A link to another of these pages, in the same language."""
        place, hash_, anchor = path.partition("#")
        return tag("a", label, href=f"{place}?lang={self.language}{hash_}{anchor}")

    def answer(self, title: str, *inside: str) -> Response:
        other: Language = "en" if self.language == "sv" else "sv"
        here = self.language
        head = tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
            tag("title", title if title == "Skolnav" else f"{title} - Skolnav"),
            tag("link", rel="stylesheet", href=STYLE_PATH),
        )
        items = (
            self.link("/", "Skolnav"),
            self.link("/docs", text("docs.title", here)),
            tag("a", "OpenAPI", href="/openapi.json"),
            tag("a", "AsyncAPI", href="/asyncapi.json"),
            tag("a", text("docs.other-language", here), href=f"{self._path}?lang={other}", lang=other, hreflang=other),
        )
        body = tag(
            "body",
            tag("a", text("docs.skip", here), href="#main", class_="skip"),
            tag(
                "header",
                tag("nav", tag("ul", *(tag("li", each) for each in items)), aria_label=text("docs.menu", here)),
            ),
            tag("main", tag("h1", title), *inside, id="main"),
        )
        whole = joined(Html("<!DOCTYPE html>\n"), tag("html", head, body, lang=here))
        return Response(whole.encode(), media_type="text/html; charset=utf-8", headers=_HEADERS)


@router.get("/")
async def start(language: Spoken, parts: Parts) -> Response:
    page = _Page(language, "/")
    return page.answer(
        "Skolnav",
        tag("p", page.say("docs.what")),
        tag("p", text("docs.whose", language, name=parts.config.municipality)),
        tag("p", page.link("/docs", text("docs.go-on", language))),
    )


@router.get(STYLE_PATH)
async def style() -> Response:
    return Response(_STYLE, media_type="text/css; charset=utf-8", headers={"Cache-Control": "max-age=3600"})


@router.get("/docs")
async def documents(request: Request, language: Spoken, parts: Parts) -> Response:
    page = _Page(language, "/docs")
    hub = url_of(request)
    families: dict[str, list[Entry]] = {}
    for entry in parts.catalogue:
        families.setdefault(entry.spec.family, []).append(entry)
    heads = [text(f"docs.{each}", language) for each in ("type", "meaning", "categories")]
    return page.answer(
        text("docs.title", language),
        tag("p", page.say("docs.intro")),
        tag("h2", text("docs.publish", language), id="publish"),
        tag("p", page.say("docs.publish-how")),
        *_examples(PUBLISH, hub, text("docs.publish", language)),
        tag("h2", text("docs.read", language), id="read"),
        tag("p", page.say("docs.read-how")),
        *_examples(READ, hub, text("docs.read", language)),
        tag("h2", text("docs.types", language), id="types"),
        tag("p", page.say("docs.categories-how")),
        *(table(name, heads, [_summary(page, each) for each in found]) for name, found in families.items()),
    )


@router.get("/docs/types/{type}")
async def event_type(type: str, request: Request, language: Spoken, parts: Parts) -> Response:
    try:
        entry = parts.catalogue.entry(type)
    except UnknownType:
        raise ApiProblem("not-found", "No such event type; /docs lists them.") from None
    page = _Page(language, f"/docs/types/{entry.type}")
    spec = entry.spec
    more = description(entry.model).split("\n\n")[1:]
    heads = [text(f"docs.{each}", language) for each in ("field", "value", "needed", "categories")]
    example = json.dumps(parts.catalogue.example(entry), ensure_ascii=False, indent=2)
    return page.answer(
        entry.type,
        tag("p", _meaning(entry, language)),
        *(tag("p", prose(each), lang="en") for each in more),
        tag("p", page.say("docs.key"), " ", tag("code", pattern(spec.key)), "."),
        *(
            []
            if spec.entity is None
            else [tag("p", page.say("docs.entity"), " ", tag("code", pattern(spec.entity)), ".")]
        ),
        tag("h2", text("docs.fields", language)),
        table(text("docs.fields-of", language), heads, [_field(each, language) for each in outline(entry)]),
        tag("h2", text("docs.example", language)),
        tag("p", page.say("docs.example-how"), " ", page.link("/docs#publish", text("docs.publish", language))),
        code(example, text("docs.example", language), "json"),
        tag("p", tag("a", text("docs.schema", language), href=f"/v1/catalogue/{entry.type}")),
    )


def _examples(by_language: Mapping[str, str], hub: str, about: str) -> Iterable[Html]:
    for name, example in by_language.items():
        yield tag("h3", name)
        yield code(example.replace(HUB, hub), f"{about}: {name}", name.lower().replace("#", "sharp"))


def _meaning(entry: Entry, language: Language) -> Html:
    """What the type means. A vendor's type has only the words of its package."""
    key = f"type.{entry.type}"
    if key in TEXTS:
        return prose(text(key, language))
    return tag("span", prose(description(entry.model).partition("\n")[0]), lang="en")


def _summary(page: _Page, entry: Entry) -> list[str]:
    name = page.link(f"/docs/types/{entry.type}", entry.type)
    return [name, _meaning(entry, page.language), _categories(sorted(entry.categories), page.language)]


def _field(row: Row, language: Language) -> list[str]:
    needed = text("docs.yes" if row.required else "docs.no", language)
    return [tag("code", row.path), row.kind, needed, _categories(row.categories, language)]


def _categories(found: Iterable[str], language: Language) -> str:
    """The categories as a contract writes them, each with its meaning."""
    shown = [each for each in found if each != "none"]
    if HUB_ONLY in shown:
        return text("docs.hub-only", language)
    return ", ".join(f"{text(f'category.{each}', language)} ({each})" for each in shown)
