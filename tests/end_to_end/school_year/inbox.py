"""What the kitchens got: files in folders, documents over HTTPS. Every byte is looked at once."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from tests.end_to_end.school_year.expected import NAMES, Kitchen, Portions, serves
from tests.peers.orders import Orders

_FILE: Final = re.compile(r"KOST_(\d{8})_(\d{8})_(\d{4})_v(\d+)\.csv")
_HEAD: Final = "kitchen;unit;date;sitting;serving;diet;portions;status;complete;revision"
_KEYS: Final = {"kitchen", "unit", "schoolUnits", "date", "sitting", "servingTime", "revision", "status", "due",
                "complete", "staffPortions", "counts"}  # fmt: skip


@dataclass
class Row:
    """One sitting of an order."""

    portions: Portions
    complete: bool
    status: str
    revision: int


@dataclass
class Inbox:
    """`faults`: what no kitchen may get. `last`: by kitchen and day, each sitting's last row."""

    kitchens: dict[str, Kitchen]
    folders: list[Path]
    orders: Orders
    names: set[str] = field(default_factory=set)  # of pupils, and their ids: in no byte
    faults: list[str] = field(default_factory=list)
    last: dict[tuple[str, date], dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    came: int = 0
    incomplete: int = 0
    _seen: dict[tuple[str, date, int], str] = field(default_factory=dict)  # revision -> its name
    _contents: dict[str, bytes] = field(default_factory=dict)

    def look(self) -> None:
        """Read what is new."""
        for folder in self.folders:
            if folder.is_dir():
                for path in sorted(folder.glob("KOST_*.csv"), key=lambda each: int(each.stem.rpartition("_v")[2])):
                    self._once(path.name, path.read_bytes(), self._file)
        for key, body in list(self.orders.orders.items()):
            self._once(key, body, self._document)

    def forget(self, today: date) -> None:
        """The kitchens throw away what is past."""
        for folder in self.folders:
            for path in folder.glob("KOST_*.csv") if folder.is_dir() else ():
                if date.fromisoformat(path.name.split("_")[2]) < today:
                    path.unlink()
                    self._contents.pop(path.name, None)
        for key in [key for key in self.orders.orders if date.fromisoformat(key.split("/")[1]) < today]:
            del self.orders.orders[key]
            self._contents.pop(key, None)
        self.orders.server.received.clear()
        self._seen = {key: name for key, name in self._seen.items() if key[1] >= today}
        for key in [key for key in self.last if key[1] < today]:
            del self.last[key]

    # -- inside -----------------------------------------------------------------------------------------------------

    def _once(self, name: str, content: bytes, read: Any) -> None:
        before = self._contents.get(name)
        if before is not None:
            if before != content:
                self.faults.append(f"{name}: two contents")
            return
        self._contents[name] = content
        self.came += 1
        text = content.decode("utf-8-sig")
        words = set(re.findall(r"Kanariesson\d+x|[0-9a-f]{8}-[0-9a-f-]{27}", text))
        if words & self.names:
            self.faults.append(f"{name}: names a pupil")
        read(name, text)

    def _file(self, name: str, text: str) -> None:
        found = _FILE.fullmatch(name)
        if found is None:
            self.faults.append(f"{name}: not the name of an order")
            return
        kitchen = next(each for each in self.kitchens.values() if each.code == found[1])
        day, revision = date.fromisoformat(found[2]), int(found[4])
        head, *lines = text.removesuffix("\r\n").split("\r\n")
        rows: dict[str, Row] = {}
        for line in lines:
            id, unit, on, sitting, _, diet, portions, status, complete, number = line.split(";")
            if (head, id, unit, on, number) != (_HEAD, kitchen.id, kitchen.code, str(day), str(revision)):
                self.faults.append(f"{name}: odd cells")
            row = rows.setdefault(sitting, Row({}, complete == "yes", status, revision))
            row.portions[diet] = int(portions)
        self._take(kitchen, day, revision, name, rows)

    def _document(self, name: str, text: str) -> None:
        data = json.loads(text)
        kitchen, day = self.kitchens[data["kitchen"]], date.fromisoformat(data["date"])
        if set(data) != _KEYS or {each["id"] for each in data["schoolUnits"]} != set(kitchen.units):
            self.faults.append(f"{name}: odd names")
        portions = {each["diet"]: each["portions"] for each in data["counts"]} | {"PERSONAL": data["staffPortions"]}
        row = Row(portions, data["complete"], data["status"], data["revision"])
        sitting = data["sitting"]
        self._take(kitchen, day, data["revision"], f"{data['due']}", {sitting: row})

    def _take(self, kitchen: Kitchen, day: date, revision: int, name: str, rows: dict[str, Row]) -> None:
        if not serves(kitchen, day):
            self.faults.append(f"{kitchen.id} {day}: an order on a day without meals")
        if self._seen.setdefault((kitchen.id, day, revision), name) != name:
            self.faults.append(f"{kitchen.id} {day}: revision {revision} twice")
        for sitting, row in rows.items():
            if set(row.portions) != set(NAMES):
                self.faults.append(f"{kitchen.id} {day}: diets {sorted(row.portions)}")
            before = self.last[kitchen.id, day].get(sitting)
            self.incomplete += not row.complete
            if before is None or before.revision < row.revision:
                self.last[kitchen.id, day][sitting] = row
