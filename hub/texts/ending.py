"""Why a command could not do its work, and what to do about it."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

FAILURE: Final[Mapping[str, Text]] = {
    "failure.address": Text(
        "Hubben kan inte lyssna på {address}: {error}. Används adressen av ett annat program? Ändra listen i "
        "konfigurationsfilen.",
        "The hub can't listen on {address}: {error}. Does another program use it? Change listen in the configuration.",
    ),
    "failure.another-config": Text(
        "Hubben som är igång här läser {theirs}, inte {ours}. Ange den filen med --config.",
        "The hub that runs here reads {theirs}, not {ours}. Name that file with --config.",
    ),
    "failure.another-hub": Text(
        "En annan hubb använder redan filerna i {data}. En datamapp hör till en hubb: stoppa den andra, eller ange en "
        "annan mapp (data).",
        "Another hub runs on the files in {data} already. A data folder belongs to one hub: stop the other one, or "
        "name another folder (data).",
    ),
    "failure.config": Text("Konfigurationen går inte att använda: {says}", "The configuration can't be used: {says}"),
    "failure.damaged": Text(
        "{path} är skadad ({says}). Återställ hela datamappen ur den senaste säkerhetskopian: docs/operations.md.",
        "{path} is damaged ({says}). Restore the whole data folder from the last backup: docs/operations.md.",
    ),
    "failure.descriptors": Text(
        "Hubben får bara öppna {found} filer och anslutningar (ulimit -n). Den behöver minst {least}: höj gränsen "
        "(LimitNOFILE i tjänsten) och starta igen.",
        "The hub may open only {found} files and connections (ulimit -n). It needs at least {least}: raise the limit "
        "(LimitNOFILE in the service) and start again.",
    ),
    "failure.files": Text("Filerna i {data} går inte att använda: {says}", "The files in {data} can't be used: {says}"),
    "failure.full": Text(
        "Disken är full: hubben behöver plats i {data}. Frigör utrymme och starta igen. Inget som hubben har tagit "
        "emot går förlorat.",
        "The disk is full: the hub needs space in {data}. Free some and start again; nothing accepted is lost.",
    ),
    "failure.internal": Text(
        "Oväntat fel: {what}. Felet ligger i Skolnav. Med SKOLNAV_DEBUG=1 visas var felet uppstod.",
        "Unexpected error: {what}. The fault is in Skolnav. SKOLNAV_DEBUG=1 shows where.",
    ),
    "failure.key-missing": Text(
        "Hubbens nyckel saknas: {data}/key finns inte, och det som sparats i {data} hör till den nyckeln. Hubben "
        "skapar ingen ny nyckel, eftersom varje person då skulle få en ny pseudonym. Lägg tillbaka nyckeln. Om "
        "nyckeln är förlorad: börja om i en ny datamapp.",
        "The hub's key is missing: {data}/key does not exist, and the data in {data} belongs to it. The hub makes no "
        "new key, since every person would then get a new pseudonym. Put the key back. If it is lost for good: start "
        "anew in a new data folder.",
    ),
    "failure.language": Text("--language ska vara sv eller en.", "--language must be sv or en."),
    "failure.log-format": Text(
        "{path} har format {found}. Den här versionen läser format {first} till {reads}",
        "{path} has format {found}; this version reads formats {first} to {reads}",
    ),
    "failure.log-newer": Text(
        "{path} skrevs av en nyare version av hubben (format {found}; den här versionen läser till {reads}): kör den "
        "versionen, eller återställ kopian från före uppgraderingen",
        "{path} was written by a newer version of the hub (format {found}; this version reads up to {reads}): run that "
        "version, or restore the backup taken before the upgrade",
    ),
    "failure.log-partitions": Text(
        "{path} skapades med {found} partitioner, inte {wanted}. Antalet kan inte ändras",
        "{path} was made with {found} partitions, not {wanted}: that can't be changed",
    ),
    "failure.no-answer": Text(
        "Hubben svarar inte på {socket}. Kontrollera att hubben är igång, och läs hubbens logg.",
        "The hub does not answer on {socket}. Check that it runs, and read its log.",
    ),
    "failure.no-hub": Text(
        "Ingen hubb är igång på {data}. Starta den med skolnav run, eller ange en annan med --config eller --data.",
        "No hub runs on {data}. Start it with skolnav run, or name another with --config or --data.",
    ),
    "failure.no-shared-memory": Text(
        "{path} ligger på ett filsystem utan delat minne. Lägg `data` på en lokal disk",
        "{path} is on a file system without shared memory: put `data` on a local disk",
    ),
    "failure.shadowed": Text(
        "Ett annat installerat paket ({owner}) skymmer {name}: {where}. Skolnav kan inte köras då. Avinstallera "
        "paketet, eller ge Skolnav en egen virtuell miljö.",
        "Another installed package ({owner}) shadows {name}: {where}. Skolnav can't run like this. Uninstall it, or "
        "give Skolnav a virtual environment of its own.",
    ),
    "failure.shadowed-folder": Text(
        "{where} skymmer Skolnavs paket {name}, så att Skolnav inte kan köras. Byt namn på mappen eller filen, "
        "eller ta bort den ur PYTHONPATH.",
        "{where} shadows Skolnav's package {name}, so that Skolnav can't run. Rename it, or take it out of PYTHONPATH.",
    ),
    "failure.since": Text('"{given}" är inte en tid. {expected}', '"{given}" is not a time. {expected}'),
    "failure.unavailable": Text(
        "Hubbens databaser i {data} kan inte läsas eller skrivas just nu ({says}). Kontrollera disken och systemets "
        "logg.",
        "The hub's databases in {data} can't be read or written now ({says}). Check the disk and the system's log.",
    ),
    "failure.unreadable": Text("{path} kan inte läsas ({error}).", "{path} can't be read ({error})."),
    "failure.unwritable": Text("{path} kan inte skrivas ({error}).", "{path} can't be written ({error})."),
    "failure.wrong-key": Text(
        "Hubbens nyckel öppnar inte det som sparats i {data}: med en annan nyckel får varje person en ny pseudonym "
        "och inga markörer går att läsa. Lägg tillbaka nyckeln som användes (key i konfigurationen, annars "
        "{data}/key). Om nyckeln är förlorad: börja om i en ny datamapp.",
        "The hub's key does not open the data in {data}: with another key every person gets a new pseudonym and no "
        "cursor can be read. Put back the key that was used (key in the configuration, else {data}/key). If it is "
        "lost for good: start anew in a new data folder.",
    ),
}
