"""Short time-outs hold while the far side is silent, and not otherwise."""

from collections.abc import Mapping
from typing import Any, ClassVar

from plugins.testing import School
from plugins.testing.suites import FaultSuite
from tests.kit.house import open_house
from tests.kit.right import HouseControl
from tests.kit.subject import TheHouse, house_config

SEEN: list[float] = []


class NotesItsTimeOut(HouseControl):
    async def start(self):
        SEEN.append(self.config.timeout_s)
        await super().start()


class Suite(TheHouse, FaultSuite):
    connector = NotesItsTimeOut
    hasty: ClassVar[Mapping[str, Any]] = {"timeout_s": 0.25}


async def test_hasty_settings_hold_while_the_far_side_is_silent_and_those_of_config_before_and_after():
    suite = Suite()
    with open_house() as house:
        config = house_config(house)
        async with suite.running(config, School()) as (hub, _):
            for fault in ("down", "never"):
                async with suite._in_fault(hub, house, fault, config):
                    pass
    usual = config["timeout_s"]
    assert [usual, 0.25, usual] == SEEN
