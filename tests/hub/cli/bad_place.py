"""A folder with packages that do what none should, in a configuration that uses them."""

import json
from collections.abc import Collection
from typing import Any, Final

import httpx

from tests import school
from tests.hub.cli.conftest import Place
from tests.packages import Site

LIMIT_S: Final = "6"  # of one trial; a package that holds the processor takes that much of it
OPERATOR: Final = {"id": "op", "token": "${env:OP_TOKEN}", "roles": ["operator"]}
TOKEN: Final = "token-of-the-operator-0123456789"
ONE_CLIENT: Final = httpx.Client(timeout=30)  # which is dear to make


def closed(id: str) -> dict[str, Any]:
    """An event about no person, of another day for each number in its id: the same day again would be no news."""
    number = int("".join(filter(str.isdigit, id)) or 0)
    day = {"organisation": {"id": school.UNIT}, "date": f"2026-12-{number % 28 + 1:02}"}
    return school.envelope(school.DAY_CLOSED, day, id=id, source="urn:sis")


class BadPlace(Place):
    def environ(self, **more: str) -> dict[str, str]:
        site = str(self.folder / "site")
        return super().environ(PYTHONPATH=site, SKOLNAV_PLUGIN_LIMIT_S=LIMIT_S, OP_TOKEN=TOKEN, **more)

    @property
    def site(self) -> Site:
        return Site(self.folder / "site")

    def use(self, *names: str, writing: Collection[str] = ("well",), publishes: Collection[str] = ()) -> None:
        """Each connector on a line of its own; those of `writing` write to a file in the folder.

        `publishes`: types that the client `sis` may publish beside the core's.
        """
        self.configure()
        whole = json.loads(self.file.read_text())
        paths = {name: {"path": str(self.folder / f"{name}.txt")} for name in writing}
        connectors = {name: {"use": name, **paths.get(name, {})} for name in names}
        lines = [f"  {name}: {json.dumps(item)}" for name, item in connectors.items()]
        whole["clients"][0]["publishes"] += publishes
        whole["clients"].append(OPERATOR)
        rest = "\n".join(f"{key}: {json.dumps(value)}" for key, value in whole.items())
        self.file.write_text("connectors:\n" + "\n".join(lines) + "\n" + rest + "\n")

    def operator(self, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return ONE_CLIENT.get(f"http://127.0.0.1:{self.port}{path}", headers=headers)

    def reason(self, name: str) -> str:
        """Why a connector of the running hub does not run, as `/readyz` shows it."""
        return next(
            str(each["reason"]) for each in self.operator("/readyz").json()["connectors"] if each["name"] == name
        )

    def line(self, name: str) -> int:
        return next(n for n, line in enumerate(self.file.read_text().splitlines(), 1) if line.startswith(f"  {name}:"))
