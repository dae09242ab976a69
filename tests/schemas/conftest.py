from pathlib import Path

import pytest

from schemas import Catalogue, core_catalogue

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return core_catalogue()


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference material beside the repository."""
    if not (SHARED / "reference").is_dir():
        pytest.skip("no reference material at ../shared")
    return SHARED / "reference"
