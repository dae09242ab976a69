"""The vendors' suites, as any vendor's source runs them."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.ss12000.connector import Ss12000
from plugins.testing.suites import ConfigurationSuite, LifeSuite, PullSuite, SelftestSuite, Subject
from tests.connectors.ss12000.records import school
from tests.peers.sis import TOKEN, Made, Query, Reply, serving

LISTS = frozenset(f"/v2.0/{resource}" for resource in school())


class Supplier:
    """A provider after the standard, as the suites see a far side. Nothing is written to it."""

    def __init__(self, sis: Made) -> None:
        self.sis = sis
        self._delay_s, self._wrong = 0.0, False
        self._go_on = threading.Event()
        self._go_on.set()
        sis.page = 7
        sis.faults.append(self._fault)

    def effects(self) -> Sequence[Any]:
        return list(self.sis.sent)

    def bytes(self) -> bytes:
        return repr(self.sis.asked).encode()

    def reset(self) -> None:
        self.sis.records = school()
        self.sis.asked.clear()

    def served(self) -> int:
        return sum(path in LISTS for path in self.sis.paths())

    def change(self) -> None:
        now = datetime.now(UTC).isoformat()
        self.sis.records["persons"][20] |= {"familyName": "Omdöpt", "meta": {"created": now, "modified": now}}

    def down(self, on: bool) -> None:
        self.sis.down = on

    def slow(self, seconds: float) -> None:
        self._delay_s = seconds

    def wrong(self, on: bool) -> None:
        self._wrong = on

    def never(self, on: bool) -> None:
        if on:
            self._go_on.clear()
        else:
            self._go_on.set()

    def _fault(self, path: str, query: Query) -> Reply | None:
        if self._delay_s or not self._go_on.is_set():
            return Reply(200, stream=lambda: self._late(path, query))
        if self._wrong:
            return Reply(200, raw=b"<html>Logga in</html>", headers={"Content-Type": "text/html"})
        return None

    def _late(self, path: str, query: Query) -> Iterator[bytes]:
        time.sleep(self._delay_s)
        self._go_on.wait(60)
        yield self.sis.answer(path, query).content()


class SchoolSystem(Subject):
    connector = Ss12000
    faults = (*Subject.faults, "never")
    expected_problems = {"clock-differs": "the supplier has the machine's clock, and the test's hub its own"}  # noqa: RUF012
    slow_s = 2
    hasty = {"answer_timeout_s": 0.5, "deadline_s": 1}  # noqa: RUF012
    patience_s = 60

    @pytest.fixture
    def peer(self) -> Iterator[Supplier]:
        with serving(Made(**school())) as sis:
            assert isinstance(sis, Made)
            yield Supplier(sis)

    @pytest.fixture
    def config(self, peer: Supplier) -> Mapping[str, Any]:
        return {
            "base_url": f"{peer.sis.url}/v2.0",
            "auth": {"token": TOKEN},
            "poll": "5m",
            "window": {"back": "7d", "ahead": "14d"},
            "answer_timeout_s": 15,  # more than an answer takes on a busy machine
            "deadline_s": 20,
        }


class TestConfiguration(SchoolSystem, ConfigurationSuite):
    bad = {  # noqa: RUF012
        "base_url": "ftp://sis.example",
        "poll": "now",
        "window.back": "90m",
        "answer_timeout_s": 0,
        "deadline_s": -1,
        "auth": {"token": ""},
    }


class TestSelftest(SchoolSystem, SelftestSuite): ...


class TestPull(SchoolSystem, PullSuite): ...


class TestLife(SchoolSystem, LifeSuite): ...
