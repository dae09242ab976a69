"""Whether the signature of a webhook holds, as `skolnav verify-webhook` says it."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

VERIFY: Final[Mapping[str, Text]] = {
    "verify.differs": Text(
        "hemligheten i {name} är inte den som hubben signerade med, eller så är innehållet ändrat. Använd innehållet "
        "byte för byte som det kom, före all tolkning av JSON.",
        "the secret in {name} is not the one that the hub signed with, or the body was changed. Use the body byte by "
        "byte as it came, before any parsing of JSON.",
    ),
    "verify.early": Text(
        "webhook-timestamp ligger mer än {minutes} min fram i tiden. Kontrollera klockan på den här datorn.",
        "webhook-timestamp is more than {minutes} min ahead of now. Check the clock of this machine.",
    ),
    "verify.fails": Text("Signaturen är inte giltig: {why}", "The signature does not hold: {why}"),
    "verify.holds": Text("Signaturen är giltig. webhook-id: {id}", "The signature holds. webhook-id: {id}"),
    "verify.kind": Text(
        "webhook-signature har ingen signatur av det slag som hemligheten i {name} är till för: v1 hör till whsec_, "
        "v1a till whpk_.",
        "webhook-signature has no signature of the kind that the secret in {name} is for: v1 belongs to whsec_, v1a "
        "to whpk_.",
    ),
    "verify.line-break": Text(
        "den är giltig för innehållet med en radbrytning mer eller mindre i slutet. Spara innehållet utan att ändra "
        "slutet.",
        "it holds for the body with a line break more or less at its end. Store the body without changing its end.",
    ),
    "verify.missing": Text(
        "följande huvudfält saknas: {missing}. Ange dem med --header eller --headers.",
        "these headers are missing: {missing}. Give them with --header or --headers.",
    ),
    "verify.no-secret": Text(
        "Miljövariabeln {name} saknas eller är tom. Lägg webhookens hemlighet där.",
        "The environment variable {name} is not set. Put the webhook's secret there.",
    ),
    "verify.old": Text(
        "webhook-timestamp är mer än {minutes} min gammal. Är det en sparad leverans: lägg till --any-time.",
        "webhook-timestamp is more than {minutes} min old. For a delivery that was kept, add --any-time.",
    ),
    "verify.secret": Text(
        "hemligheten i {name} kan inte läsas. Den ska vara whsec_ eller whpk_ följt av base64.",
        "the secret in {name} can't be read. It must be whsec_ or whpk_ and base64.",
    ),
    "verify.timestamp": Text(
        "webhook-timestamp är inte ett antal sekunder sedan 1970.", "webhook-timestamp is not a number of seconds."
    ),
}
