"""How connectors stand, for operators."""

from collections.abc import Mapping
from typing import Final

from hub.texts.base import Text

CONNECTOR: Final[Mapping[str, Text]] = {
    "connector.directory": Text(
        " Dess uppgift om att allt är med är från {at}.", " Its word that all is here is from {at}."
    ),
    "connector.failures": Text(
        " {count} försök i rad utan det: {code}.", " {count} tries in a row without it: {code}."
    ),
    "connector.not-polled": Text(
        "{name}: har inte hämtat allt sedan den startade {at}.", "{name}: has not read all since it began, {at}."
    ),
    "connector.polled": Text(
        "{name}: hämtade allt senast {at}, för {age} sedan.", "{name}: last read all {at}, {age} ago."
    ),
    "connector.problem": Text(
        " Senaste problem: {code}, {at} ({count} av det slaget sedan hubben startade).",
        " Last problem: {code}, {at} ({count} of that kind since the hub began).",
    ),
    "connector.quiet": Text("{name}: hämtar inget.", "{name}: polls nothing."),
    "connector.unread": Text("allt kan inte hämtas: {code}", "not all can be read: {code}"),
}
