"""The operating system's refusals, by the name of its error number."""

import errno
from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

SYSTEM: Final[Mapping[str, Text]] = {
    "system.eacces": Text("hubben saknar behörighet", "permission denied"),
    "system.eaddrinuse": Text("adressen används redan", "the address is in use"),
    "system.eaddrnotavail": Text("adressen finns inte på den här maskinen", "the address is not one of this machine"),
    "system.edquot": Text("utrymmet är slut", "the disk quota is used up"),
    "system.eexist": Text("den finns redan", "it exists already"),
    "system.eio": Text("disken svarar med fel", "the disk reports an error"),
    "system.eisdir": Text("det är en mapp", "it is a folder"),
    "system.eloop": Text("länkarna leder runt i en cirkel", "its links lead round in a circle"),
    "system.enametoolong": Text("namnet är för långt", "the name is too long"),
    "system.enoent": Text("filen eller mappen finns inte", "there is no such file or folder"),
    "system.enospc": Text("disken är full", "the disk is full"),
    "system.enotdir": Text("en del av sökvägen är ingen mapp", "a part of the path is not a folder"),
    "system.enotempty": Text("mappen är inte tom", "the folder is not empty"),
    "system.eperm": Text("åtgärden är inte tillåten", "the operation is not permitted"),
    "system.erofs": Text("filsystemet går bara att läsa", "the file system is read-only"),
    "system.not-utf-8": Text("innehållet är inte UTF-8", "its content is not UTF-8"),
}


def of_system(error: OSError) -> Text:
    """What the system refused, in both languages; the error's name (`EMFILE`) where there are no words."""
    name = errno.errorcode.get(error.errno or 0, "")
    known = SYSTEM.get(f"system.{name.lower()}")
    if known is not None:
        return known
    return Text(name or type(error).__name__, error.strerror or name or type(error).__name__)
