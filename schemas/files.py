"""The files that `skolnav catalogue export` writes."""

import json

from schemas.asyncapi import asyncapi
from schemas.catalogue import Catalogue
from schemas.export import json_schema, markdown


def files(catalogue: Catalogue, *, version: str) -> dict[str, str]:
    """The files' texts by name. `version` is the version of the hub."""
    documents = {f"{entry.type}.schema.json": json_schema(entry) for entry in catalogue}
    documents["asyncapi.json"] = asyncapi(catalogue, version=version)
    texts = {name: json.dumps(document, ensure_ascii=False, indent=2) + "\n" for name, document in documents.items()}
    return {**texts, "types.md": markdown(catalogue)}
