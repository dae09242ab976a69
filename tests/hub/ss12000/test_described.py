"""`/openapi.json` describes the SS 12000 API as it answers: each list, object, look-up and report fits its schema."""

import pytest
from jsonschema import Draft202012Validator

from hub.ss12000.resources import RESOURCES
from hub.ss12000.routes import router as ss12000
from hub.ss12000.subscriptions import router as subscriptions
from tests.hub.ss12000.conftest import BASE, WINDOW, token
from tests.hub.ss12000.school import load, secret
from tests.hub.ss12000.test_posting import ABSENCE, ATTENDANCE, CAME

HEADERS = {"Authorization": f"Bearer {token('both')}"}
PRESENTATION = {"limit", "pageToken", "sortkey", "expand", "expandReferenceNames"}
META = {f"meta.{which}.{when}" for which in ("created", "modified") for when in ("before", "after")}


@pytest.fixture
async def document(hub, http):
    await load(hub, *secret())
    return (await http.get("/openapi.json")).json()


def fits(document, method, path, answer):
    """Checks an answer by the schema of its status, in which no name may come that the schema lacks."""
    responses = document["paths"][BASE + path][method]["responses"]
    schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    validator = Draft202012Validator(
        {**closed(schema), "components": closed(document["components"])},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    found = [f"{each.json_path}: {each.validator}" for each in validator.iter_errors(answer.json())]
    assert found == [], (method, path, answer.status_code)


def closed(schema):
    """The same without room for names that it does not list."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {"additionalProperties": False} if "properties" in schema else {}
    return {**rest, **{name: closed(value) for name, value in schema.items()}}


async def test_lists_objects_and_look_ups_are_as_described(document, http):
    for resource in RESOURCES:
        path = f"/{resource.path}"
        asked = {"expandReferenceNames": "true"}
        if resource.path == "calendarEvents":
            asked |= WINDOW
        if resource.expand:
            asked["expand"] = ",".join(sorted(resource.expand))
        page = await http.get(BASE + path, params=asked, headers=HEADERS)
        assert page.json()["data"], path
        fits(document, "get", path, page)
        id = page.json()["data"][0]["id"]
        fits(document, "get", f"{path}/{{id}}", await http.get(f"{BASE}{path}/{id}", headers=HEADERS))
        found = await http.post(f"{BASE}{path}/lookup", json={"ids": [id]}, headers=HEADERS)
        assert len(found.json()) == 1
        fits(document, "post", f"{path}/lookup", found)
        fits(document, "get", path, await http.get(f"{BASE}{path}", params={"nonsense": 1}, headers=HEADERS))


async def test_reports_and_subscriptions_are_as_described(document, http):
    for path, body in (("/absences", ABSENCE), ("/attendances", ATTENDANCE), ("/attendanceEvents", CAME)):
        answer = await http.post(BASE + path, json=body, headers=HEADERS)
        assert answer.status_code == 200
        fits(document, "post", path, answer)
    asked = {"name": "a", "target": "http://127.0.0.1:9/x", "resourceTypes": [{"resource": "Absence"}]}
    made = await http.post(f"{BASE}/subscriptions", json=asked, headers=HEADERS)
    assert made.status_code == 201
    fits(document, "post", "/subscriptions", made)
    fits(document, "get", "/subscriptions", await http.get(f"{BASE}/subscriptions", headers=HEADERS))
    one = f"{BASE}/subscriptions/{made.json()['id']}"
    fits(document, "get", "/subscriptions/{id}", await http.get(one, headers=HEADERS))
    fits(document, "patch", "/subscriptions/{id}", await http.patch(one, headers=HEADERS))
    fits(document, "get", "/deletedEntities", await http.get(f"{BASE}/deletedEntities", headers=HEADERS))


def routes(router, prefix=""):
    """The path and method of each route of the router itself; what it includes has a router of its own."""
    for each in router.routes:
        for method in getattr(each, "methods", None) or ():
            yield prefix + each.path, method.lower()


async def test_every_path_and_parameter_is_described_and_no_other(document):
    served = {*routes(ss12000), *routes(subscriptions, BASE)}
    described = {
        (path, method)
        for path, operations in document["paths"].items()
        if path.startswith(BASE)
        for method in operations
    }
    assert described == served
    for resource in RESOURCES:
        listed = document["paths"][f"{BASE}/{resource.path}"]["get"]["parameters"]
        names = {each["name"] for each in listed}
        assert names - PRESENTATION - META == set(resource.filters)
