"""The standard's school types, against the standard's own file."""

from pathlib import Path

import pytest
import yaml

from schemas.contract import SCHOOL_TYPES

STANDARD = Path(__file__).resolve().parents[2].parent / "shared/reference/ss12000/openapi_ss12000_version2_1_0.yaml"


@pytest.mark.skipif(not STANDARD.exists(), reason="needs the reference material at ../shared")
def test_they_are_those_of_the_standard() -> None:
    _, _, after = STANDARD.read_text("utf-8").partition("\n    SchoolTypesEnum:\n")
    listed, _, _ = after.partition("\n    Organisations:\n")
    assert frozenset(yaml.safe_load(listed)["enum"]) == SCHOOL_TYPES
