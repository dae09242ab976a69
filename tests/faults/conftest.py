"""Where faults happen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import LoopDisk, why_not


@pytest.fixture(scope="session")
def _disks(tmp_path_factory: pytest.TempPathFactory) -> str | None:
    return why_not(tmp_path_factory.mktemp("loop"))


@pytest.fixture
def disk(_disks: str | None, tmp_path: Path) -> Iterator[LoopDisk]:
    """A disk of 64 MiB on which power can be cut."""
    if _disks is not None:
        pytest.skip(_disks)
    made = LoopDisk(tmp_path, 64)
    yield made
    made.unmount()
