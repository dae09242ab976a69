"""`/openapi.json` describes every answer, so that a generated client gets types and not `Any`."""

import copy

import pytest

from tests.hub.api.conftest import bearer
from tests.hub.api.described import Document

# Answers of which the document says no more than that they are objects.
OPEN = {
    ("get", "/asyncapi.json"): "AsyncAPI has its own schema",
}


@pytest.fixture
async def document(http):
    return (await http.get("/openapi.json")).json()


def answers(document):
    """(method, path, schema) of each JSON answer with a 2xx status."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                for media_type, content in answer.get("content", {}).items():
                    if status.startswith("2") and media_type.endswith("json"):
                        yield method, path, content.get("schema", {})


def resolved(document, schema):
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


def says_something(document, schema):
    found = resolved(document, schema)
    if "anyOf" in found:
        return all(says_something(document, each) for each in found["anyOf"])
    if found.get("type") == "array":
        return says_something(document, found["items"])
    return found.get("type") == "object" and bool(found.get("properties"))


async def test_every_json_answer_has_a_schema(document):
    found = list(answers(document))
    assert len(found) > 80
    empty = {(method, path) for method, path, schema in found if not says_something(document, schema)}
    assert empty == set(OPEN)


async def test_only_these_operations_have_no_json_answer(document):
    with_json = {(method, path) for method, path, _ in answers(document)}
    silent = {(m, path) for path, operations in document["paths"].items() for m in operations} - with_json
    assert silent == {
        ("get", "/metrics"),  # Prometheus's text
        ("get", "/v1/subscriptions/{id}/stream"),  # server-sent events
        ("delete", "/v1/subscriptions/{id}"),  # 204
        ("delete", "/ss12000/v2.0/subscriptions/{id}"),  # 204
        ("post", "/connectors/{instance}/{path}"),  # each connector answers as it likes
    }


async def test_what_a_dataclass_sends_is_required_also_if_it_has_a_default(document):
    outcome = document["components"]["schemas"]["Outcome"]
    assert set(outcome["required"]) == set(outcome["properties"])


async def test_a_hub_that_is_not_ready_answers_as_described(document):
    described = document["paths"]["/readyz"]["get"]["responses"]["503"]["content"]["application/json"]
    assert described["schema"] == {"$ref": "#/components/schemas/Readiness"}


class TestTheCheckOfTheTestsOwnAnswers:
    async def test_a_member_that_the_document_lacks_fails(self, http, document):
        answer = await http.get("/v1/operator/status", headers=bearer("op"))
        Document(document).check(answer)
        lacking = copy.deepcopy(document)
        overview = lacking["components"]["schemas"]["Overview"]
        del overview["properties"]["demo"]
        overview["required"].remove("demo")
        with pytest.raises(AssertionError, match="demo"):
            Document(lacking).check(answer)

    async def test_a_member_that_is_not_sent_fails(self, http, document):
        answer = await http.get("/healthz")
        document["components"]["schemas"]["Liveness"]["required"].append("age_s")
        with pytest.raises(AssertionError, match="age_s"):
            Document(document).check(answer)

    async def test_an_answer_without_a_description_fails(self, http, document):
        answer = await http.get("/healthz")
        del document["paths"]["/healthz"]["get"]["responses"]["200"]["content"]
        with pytest.raises(AssertionError, match="/healthz has no 200"):
            Document(document).check(answer)
