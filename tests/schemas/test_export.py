"""The documents: they hold to their own specifications and agree with the catalogue."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError

from schemas import Catalogue, Entry, Event, core_catalogue, export
from schemas.asyncapi import asyncapi
from schemas.files import files

ENTRIES = list(core_catalogue())


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.type)
def test_a_types_entry_has_examples_that_its_schema_and_the_catalogue_take(catalogue: Catalogue, entry: Entry) -> None:
    document = json.loads(json.dumps(export.catalogue_entry(catalogue, entry)))
    assert document["type"] == entry.type
    assert document["description"]
    assert document["examples"]
    schema, envelope = validator(document["schema"]), validator(export.ENVELOPE)
    for example in document["examples"]:
        schema.validate(example["data"])
        envelope.validate(example)
        catalogue.describe(Event.from_dict(example))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.type)
def test_a_types_schema_refuses_what_the_catalogue_refuses(entry: Entry) -> None:
    schema = validator(export.json_schema(entry))
    for name, info in entry.model.model_fields.items():
        if info.is_required():
            example = {key: value for key, value in entry.spec.examples[0].items() if key != name}
            with pytest.raises(ValidationError):
                schema.validate(example)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.type)
def test_every_path_of_an_entry_has_categories(catalogue: Catalogue, entry: Entry) -> None:
    document = export.catalogue_entry(catalogue, entry)
    assert document["categories"] == {path: sorted(found) for path, found in entry.flat_fields()}
    assert all(document["categories"].values())
    assert set(document["about"]) | set(document["mentions"]) <= set(document["categories"])


def test_the_schema_shows_categories_and_what_is_for_the_hub_alone(catalogue: Catalogue) -> None:
    person = export.json_schema(catalogue.entry("se.skolnav.directory.person.upserted.v1"))
    assert person["properties"]["responsibles"]["x-category"] == ["contact", "identity"]
    assert person["$defs"]["PersonRef"]["properties"]["id"]["x-category"] == ["identity"]
    assert person["properties"]["securityMarking"]["x-category"] == ["hub-only"]


def test_entities_and_keys_are_shown_as_patterns(catalogue: Catalogue) -> None:
    def shown(type_: str) -> tuple[str, str | None]:
        row = export.summary(catalogue.entry(f"se.skolnav.{type_}.v1"))
        return row["key"], row["entity"]

    assert shown("absence.reported") == ("person/{student.id}", "absence/{id}")
    assert shown("meals.count") == ("kitchen/{kitchen}", "meal/{kitchen}/{date}/{sitting}")
    assert shown("directory.person.upserted") == ("person/{id}", "person/{id}/{source}")
    assert shown("directory.current") == ("source/{source}", "source/{source}")


def test_the_list_and_the_table_have_every_type_once(catalogue: Catalogue) -> None:
    types = [entry.type for entry in catalogue]
    assert [row["type"] for row in export.catalogue_list(catalogue)["types"]] == types
    rows = export.markdown(catalogue).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == types
    assert all(row.count(" | ") == 4 for row in rows)


@pytest.mark.shared
def test_the_asyncapi_document_holds_to_the_specifications_own_schema(catalogue: Catalogue, reference: Path) -> None:
    specification = json.loads((reference / "conformance/asyncapi/asyncapi-3.0.0-without-id.schema.json").read_text())
    document = asyncapi(catalogue, version="0.1.0")
    found = Draft7Validator(specification)
    found.validate(document)
    del document["info"]["title"]
    assert not found.is_valid(document)


def test_every_reference_in_the_asyncapi_document_leads_somewhere(catalogue: Catalogue) -> None:
    document = asyncapi(catalogue, version="0.1.0")

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*(references(inner) for inner in value.values()))
        return set().union(*(references(inner) for inner in value)) if isinstance(value, list) else set()

    found = references(document)
    assert found
    for reference in found:
        here: Any = document
        for part in reference.removeprefix("#/").split("/"):
            here = here[part]


def test_the_asyncapi_messages_take_their_examples_and_no_other_types(catalogue: Catalogue) -> None:
    document = asyncapi(catalogue, version="0.1.0")
    messages = document["components"]["messages"]
    types = [entry.type for entry in catalogue]
    assert list(messages) == [*types, *(f"webhook.{each}" for each in types)]
    for name in types:
        message = messages[name]
        check = validator({**message["payload"], "components": document["components"]})
        for example in message["examples"]:
            check.validate(example["payload"])
        with pytest.raises(ValidationError):
            check.validate({**message["examples"][0]["payload"], "type": "com.acme.other.v1"})


def test_the_files_are_the_documents(catalogue: Catalogue) -> None:
    written = files(catalogue, version="0.1.0")
    assert set(written) == {*(f"{entry.type}.schema.json" for entry in catalogue), "asyncapi.json", "types.md"}
    assert json.loads(written["asyncapi.json"]) == asyncapi(catalogue, version="0.1.0")
    assert "Anmäld frånvaro" in written["se.skolnav.absence.reported.v1.schema.json"]


def test_examples_are_numbered_from_one(catalogue: Catalogue) -> None:
    message = asyncapi(catalogue, version="0")["components"]["messages"]["se.skolnav.absence.reported.v1"]
    assert [example["name"] for example in message["examples"]] == ["example-1", "example-2"]


def test_a_file_is_indented_for_people_and_ends_with_a_line(catalogue: Catalogue) -> None:
    for name, text in files(catalogue, version="0").items():
        assert text.endswith("\n")
        if name.endswith(".json"):
            assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"
