"""Heads of tables, and the few words that appear in their cells."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

COLUMN: Final[Mapping[str, Text]] = {
    "column.accepted": Text("mottagen", "accepted"),
    "column.attempts": Text("försök", "attempts"),
    "column.categories": Text("kategorier", "categories"),
    "column.connector": Text("kontakt", "connector"),
    "column.consumes": Text("tar emot", "consumes"),
    "column.created": Text("gjord", "made"),
    "column.dead": Text("uppgivna", "dead"),
    "column.dead-at": Text("gavs upp", "given up"),
    "column.doing": Text("gör nu", "at work"),
    "column.effect": Text("verkan", "effect"),
    "column.event": Text("händelse", "event"),
    "column.field": Text("fält", "field"),
    "column.filter": Text("filter", "filter"),
    "column.holding": Text("svarar inte", "not answering"),
    "column.id": Text("id", "id"),
    "column.key": Text("nyckel", "key"),
    "column.lag": Text("efter", "behind"),
    "column.lanes": Text("omsändningar", "lanes"),
    "column.name": Text("namn", "name"),
    "column.open": Text("på väg", "open"),
    "column.origin": Text("ursprung", "origin"),
    "column.package": Text("paket", "package"),
    "column.parked": Text("väntar", "parked"),
    "column.payload": Text("innehåll", "payload"),
    "column.produces": Text("ger ifrån sig", "produces"),
    "column.reason": Text("orsak", "reason"),
    "column.recipient": Text("mottagare", "recipient"),
    "column.setting": Text("inställning", "setting"),
    "column.since": Text("sedan", "since"),
    "column.sink": Text("går till", "sink"),
    "column.source": Text("källa", "source"),
    "column.starts": Text("börjar från", "from"),
    "column.status": Text("läge", "status"),
    "column.subscription": Text("prenumeration", "subscription"),
    "column.timers": Text("tidtagare", "timers"),
    "column.type": Text("typ", "type"),
    "column.what": Text("vad", "what"),
    "column.word": Text("ord", "word"),
}

STATUS: Final[Mapping[str, Text]] = {
    "status.active": Text("aktiv", "active"),
    "status.ended": Text("avslutad", "ended"),
    "status.failed": Text("misslyckades", "failed"),
    "status.paused": Text("pausad", "paused"),
    "status.pending": Text("väntar på mottagaren", "waits for the recipient"),
    "status.running": Text("kör", "running"),
    "status.starting": Text("startar", "starting"),
    "status.stopped": Text("stoppad", "stopped"),
    "status.stuck": Text("hänger", "stuck"),
}
