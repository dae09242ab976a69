"""The texts of the wires' failures, in Swedish and English. `{it}` is the far side, `{ca_file}` a setting.

No text holds a value of a setting, an address, or anything that a far side sent.
"""

from collections.abc import Mapping
from typing import Final

from plugins.texts import Text
from plugins.wires.failures import Failure

# -- why, in words of the hub's own: the text of an error may come from the far side --------------------------------

NOT_IN_TIME: Final = Text("svaret kom inte i tid", "it did not answer in time")
NO_CONNECTION: Final = Text("ingen anslutning kunde göras", "no connection could be made")
NO_OR_BROKEN: Final = Text("anslutningen misslyckades eller bröts", "no connection, or it broke")
CONNECTION_FAILED: Final = Text("anslutningen misslyckades ({kind})", "the connection failed ({kind})")
CONNECTION_BROKE: Final = Text("anslutningen bröts", "the connection broke")
NO_SUCH_NAME: Final = Text("namnet finns inte i DNS", "its name can't be resolved")
SYSTEM_ERROR: Final = Text("systemets felkod är {name}", "{name}: {explained}")
REFUSED_OPERATION: Final = Text("åtgärden nekades", "it refused the operation")
ANSWERED: Final = Text("svaret var {status}", "it answered {status}")
NO_AUTH_OFFERED: Final = Text(
    "servern erbjuder varken AUTH PLAIN eller AUTH LOGIN", "it offers neither AUTH PLAIN nor AUTH LOGIN"
)

# -- certificates ---------------------------------------------------------------------------------------------------

CA_FILE: Final = Failure(
    "ca-file",
    Text("{ca_file} går inte att läsa som certifikat", "{ca_file} can't be read as certificates"),
    fix=Text("Ange en PEM-fil som hubben får läsa", "Give a PEM file that the hub may read"),
)
CLIENT_CERTIFICATE: Final = Failure(
    "client-certificate",
    Text("klientcertifikatet går inte att använda", "the client certificate can't be used"),
    Text(
        "en fil saknas, är inte PEM eller har lösenfras, eller så hör nyckel och certifikat inte ihop",
        "a file is missing, is no PEM, has a passphrase, or key and certificate do not belong together",
    ),
    Text("Kontrollera {certificate} och {key}", "Check {certificate} and {key}"),
)
CERTIFICATE_TIME: Final = Failure(
    "certificate",
    Text("serverns certifikat är inte giltigt nu", "the server's certificate is not valid now"),
    Text(
        "certifikatet har slutat gälla eller har inte börjat gälla. Inget skickades",
        "its certificate has expired, or is not valid yet; nothing was sent",
    ),
    Text(
        "Säg till den som driver servern, och kontrollera att maskinens klocka går rätt och att utfärdaren i {ca_file} "
        "fortfarande gäller",
        "Tell the server's operator, and check that this machine's clock is right and that the authority in {ca_file} "
        "is still valid",
    ),
)
CERTIFICATE: Final = Failure(
    "certificate",
    Text("serverns certifikat går inte att lita på", "the server's certificate can't be trusted"),
    Text(
        "certifikatet kommer från en utfärdare som hubben inte litar på, eller gäller ett annat namn. Inget skickades",
        "its certificate is from an authority that is not trusted, or for another name; nothing was sent",
    ),
    Text(
        "Kontrollera {ca_file} och namnet i {url}; fråga den som driver servern på annan väg",
        "Check {ca_file} and the name in {url}; ask the server's operator over another channel",
    ),
)
NO_TLS: Final = Failure(
    "certificate",
    Text("{it} går inte att nå krypterat", "{it} can't be reached over TLS"),
    Text("servern erbjuder ingen TLS som hubben godtar", "it speaks no TLS that the hub accepts"),
    Text("Kontrollera {url}", "Check {url}"),
)

# -- login ----------------------------------------------------------------------------------------------------------

LOGIN_REFUSED: Final = Failure(
    "login-refused",
    Text("{it} nekar inloggningen", "{it} refuses the login"),
    Text("{why}", "{why}"),
    Text("Kontrollera {login} med den som driver servern", "Check {login} with the server's operator"),
)
NO_TOKEN: Final = Text("tokenservern ger ingen åtkomst", "no access token from the token server")
TOKEN: Final = Failure(
    "token",
    NO_TOKEN,
    Text("{why}", "{why}"),
    Text(
        "Kontrollera {login_url}, {client_id} och {client_secret}", "Check {login_url}, {client_id} and {client_secret}"
    ),
)
TOKEN_REFUSED: Final = TOKEN._replace(
    code="login-refused",
    why=Text(
        "tokenservern nekar hubbens id eller hemlighet ({status})", "it refused the hub's id or secret ({status})"
    ),
)
ANSWER_TOO_LARGE: Final = Text("svaret är för stort", "its answer is too large")
NO_TOKEN_INSIDE: Final = Text("svaret har ingen åtkomsttoken", "its answer holds no access token")

# -- HTTPS ----------------------------------------------------------------------------------------------------------

_IF_IT_LASTS: Final = Text(
    "Om felet består: kontrollera {url} och nätet dit", "If it lasts, check {url} and the network between"
)
_ODD: Final = Text("{it} svarar inte som väntat", "{it} answers oddly")
_ODD_FIX: Final = Text(
    "Om felet består: kontrollera {url} med den som driver servern",
    "If it lasts, check {url} with the server's operator",
)

UNREACHABLE: Final = Failure(
    "unreachable", Text("{it} går inte att nå", "{it} can't be reached"), Text("{why}", "{why}"), _IF_IT_LASTS
)
SILENT: Final = Failure(
    "slow",
    Text("{it} svarar inte i tid", "{it} does not answer in time"),
    Text("inget svar kom på {seconds:g} s", "nothing came for {seconds:g} s"),
    _IF_IT_LASTS,
)
PAST_DEADLINE: Final = SILENT._replace(
    why=Text("inget helt svar kom inom {seconds:g} s", "no whole answer within {seconds:g} s")
)
CUT_OFF: Final = Failure(
    "cut-off", _ODD, Text("svaret bröts av eller är inte HTTP", "its answer broke off or is no HTTP"), _ODD_FIX
)
NOT_UNPACKED: Final = CUT_OFF._replace(
    why=Text("svaret är packat på ett sätt som inte går att läsa", "its answer is packed in a way that can't be read")
)
TOO_LARGE: Final = Failure(
    "too-large",
    _ODD,
    Text("svaret är större än {most}", "its answer has more than {most}"),
    _ODD_FIX,
)
NOT_JSON: Final = Failure(
    "not-json",
    _ODD,
    Text("svaret är en sida för människor, inte JSON", "its answer is a page for people, no JSON"),
    _ODD_FIX,
)
NOT_WHOLE_JSON: Final = CUT_OFF._replace(why=Text("svaret är inte hel JSON", "its answer is no whole JSON"))
BUSY: Final = Failure(
    "http-{status}",
    Text("{it} kan inte ta emot något nu", "{it} can't accept anything now"),
    ANSWERED,
    Text("Om felet består: fråga den som driver servern", "If it lasts, ask the server's operator"),
)
NOT_ACCEPTED: Final = Failure(
    "http-{status}",
    Text("{it} godtar inte det som skickas", "{it} does not accept what is sent"),
    ANSWERED,
    Text(
        "Kontrollera {url}, och med den som driver servern vad den väntar sig",
        "Check {url}, and with the server's operator what it expects",
    ),
)
REDIRECTED: Final = NOT_ACCEPTED._replace(
    why=Text(
        "svaret var {status}, en hänvisning. Hubben följer inga hänvisningar",
        "it answered {status}; no redirect is followed",
    )
)

# -- files ----------------------------------------------------------------------------------------------------------

UNVERIFIED: Final = Failure(
    "unverified",
    Text(
        "{file} skrevs, men innehållet skiljer sig när filen läses tillbaka", "{file} was written but reads differently"
    ),
    Text("servern ändrade, kortade eller flyttade filen", "the far side changed, cut or moved it"),
    Text(
        "Kontrollera att disken där inte är full, och att inget annat program tar filer innan de är hela",
        "See whether its disk is full or another program takes files before they are complete",
    ),
)
NOT_READABLE: Final = Failure(
    "not-readable",
    Text("{it} låter inte hubben läsa sina filer", "{it} does not let the hub read its files"),
    Text("hubben kan lägga filer där men inte läsa dem", "files can be put there, but not read back"),
    Text(
        "Be om läsrätt, eller ange {read_back}: false, så jämförs bara storlekar",
        "Ask for the right to read, or set {read_back}: false, so that only sizes are compared",
    ),
)
FOLDER: Final = Failure(
    "folder",
    Text("{it} går inte att använda", "{it} can't be used"),
    Text("{why}", "{why}"),
    Text(
        "Kontrollera {path}: att mappen är monterad, att hubben får skriva där och att det finns plats",
        "Check {path}: that it is mounted, that the hub may write there, and that it has room",
    ),
)

# -- SFTP -----------------------------------------------------------------------------------------------------------

NO_HOST_KEY: Final = Failure(
    "host-key",
    Text("{host_key} är ingen publik nyckel", "{host_key} is no public key"),
    fix=Text(
        'Skriv typ och base64 som `ssh-keyscan` visar dem: "ssh-ed25519 AAAA..."',
        'Write type and base64 as `ssh-keyscan` shows them: "ssh-ed25519 AAAA..."',
    ),
)
OTHER_HOST_KEY: Final = Failure(
    "host-key",
    Text("{it} visar en annan värdnyckel än {host_key}", "{it} shows another host key than {host_key}"),
    Text(
        "servern är ominstallerad, eller så finns en annan maskin emellan. Inget skickades",
        "it was reinstalled, or another machine is in between; nothing was sent",
    ),
    Text(
        "Fråga den som driver servern efter den nya nyckeln på annan väg, och ändra sedan {host_key}",
        "Ask the server's operator for the new key over another channel, then change {host_key}",
    ),
)
KEY_FILE_MISSING: Final = Failure(
    "key-file",
    Text("{key_file} finns inte", "{key_file} does not exist"),
    fix=Text("Rätta sökvägen", "Correct the path"),
)
KEY_FILE_LOCKED: Final = Failure(
    "key-file",
    Text("{key_file} har lösenfras", "{key_file} needs a passphrase"),
    fix=Text(
        "Ange en nyckel utan lösenfras som bara hubben kan läsa", "Give a key without one, readable by the hub alone"
    ),
)
SFTP_LOGIN: Final = Failure(
    "login-refused",
    Text("{it} nekar inloggningen", "{it} refuses the login"),
    fix=Text(
        "Kontrollera {username} och {password} eller {key_file} med den som driver servern",
        "Check {username} and {password} or {key_file} with the server's operator",
    ),
)
SFTP: Final = Failure(
    "sftp",
    Text("{it} går inte att använda", "{it} can't be used"),
    Text("{why}", "{why}"),
    Text(
        "Om felet består: kontrollera {host}, {path}, rättigheterna där och platsen på disken",
        "If it lasts, check {host}, {path}, the rights there and the room on its disk",
    ),
)

NO_RENAME: Final = Failure(
    "no-rename",
    Text("{it} låter inte filer byta namn", "{it} does not let files be renamed"),
    Text(
        "servern nekar både rename och posix-rename@openssh.com; utan dem kunde en halv fil läsas",
        "the server refuses both rename and posix-rename@openssh.com; without them a half file could be read",
    ),
    Text("Be den som driver servern tillåta rename", "Ask the server's operator to allow rename"),
)

# -- mail -----------------------------------------------------------------------------------------------------------

NO_STARTTLS: Final = Failure(
    "starttls",
    Text("{it} erbjuder inte STARTTLS", "{it} offers no STARTTLS"),
    Text(
        "okrypterad e-post kan läsas och ändras på vägen. Inget skickades",
        "mail in clear can be read and changed on its way; nothing was sent",
    ),
    Text(
        "Kontrollera {host} och {port}; 587 är vanligt för e-post med STARTTLS",
        "Check {host} and {port}; 587 is usual for mail with STARTTLS",
    ),
)
SMTP_LOGIN: Final = Failure(
    "login-refused",
    Text("{it} nekar inloggningen", "{it} refuses the login"),
    Text("{why}", "{why}"),
    Text(
        "Kontrollera {username} och {password} med den som driver servern",
        "Check {username} and {password} with the server's operator",
    ),
)
ADDRESS_BUSY: Final = Failure(
    "address",
    Text("{it} tar just nu inte emot e-post till en adress", "{it} accepts no mail for an address now"),
    ANSWERED,
)
MAIL_BUSY: Final = Failure(
    "smtp-{status}", Text("{it} kan inte ta emot e-post nu", "{it} can't accept mail now"), ANSWERED
)
SENDER_REFUSED: Final = Failure(
    "sender",
    Text("{it} nekar avsändaren", "{it} refuses the sender"),
    ANSWERED,
    Text(
        "Kontrollera {sender} och kontots rättigheter med den som driver servern",
        "Check {sender} and the account's rights with the server's operator",
    ),
)
_RECIPIENTS: Final = Text("Kontrollera adresserna i {recipients}", "Check the addresses in {recipients}")
ADDRESS_REFUSED: Final = Failure(
    "address-refused", Text("{it} nekar en adress", "{it} refuses an address"), ANSWERED, _RECIPIENTS
)
MESSAGE_REFUSED: Final = Failure(
    "message-refused", Text("{it} nekar ett meddelande", "{it} refuses a message"), ANSWERED, _RECIPIENTS
)
ODD_SMTP: Final = Failure("smtp", _ODD, ANSWERED)
SMTP: Final = Failure(
    "smtp",
    Text("{it} går inte att använda", "{it} can't be used"),
    Text("{why}", "{why}"),
    Text(
        "Om felet består: kontrollera {host}, {port} och nätet dit",
        "If it lasts, check {host}, {port} and the network between",
    ),
)

# -- codes ----------------------------------------------------------------------------------------------------------

CODES: Final[Mapping[str, Text]] = {
    "address": Text("servern tar just nu inte emot e-post till en adress", "the server accepts no mail for an address"),
    "address-refused": Text("servern nekar en adress", "the server refuses an address"),
    "ca-file": Text(
        "filen med betrodda certifikat går inte att läsa", "the file of trusted certificates can't be read"
    ),
    "certificate": Text("serverns certifikat går inte att lita på", "the server's certificate can't be trusted"),
    "client-certificate": Text("klientcertifikatet går inte att använda", "the client certificate can't be used"),
    "cut-off": Text("svaret bröts av", "the answer broke off"),
    "folder": Text("mappen går inte att använda", "the folder can't be used"),
    "host-key": Text("servern visar en annan värdnyckel", "the server shows another host key"),
    "http-*": Text("servern svarade med den HTTP-statusen", "the server answered with that HTTP status"),
    "key-file": Text("nyckelfilen går inte att använda", "the key file can't be used"),
    "login-refused": Text("servern nekar inloggningen", "the server refuses the login"),
    "message-refused": Text("servern nekar ett meddelande", "the server refuses a message"),
    "no-rename": Text("servern låter inte filer byta namn", "the server does not let files be renamed"),
    "not-json": Text("svaret är inte JSON", "the answer is not JSON"),
    "not-readable": Text("hubben kan lägga filer där men inte läsa dem", "files can be put there, but not read"),
    "sender": Text("servern nekar avsändaren", "the server refuses the sender"),
    "sftp": Text("SFTP-servern går inte att använda", "the SFTP server can't be used"),
    "slow": Text("servern svarar inte i tid", "the server does not answer in time"),
    "smtp": Text("e-postservern går inte att använda", "the mail server can't be used"),
    "smtp-*": Text("e-postservern svarade med den koden", "the mail server answered with that code"),
    "starttls": Text("e-postservern erbjuder inte STARTTLS", "the mail server offers no STARTTLS"),
    "token": Text("tokenservern ger ingen åtkomst", "the token server gives no access token"),
    "too-large": Text("svaret är för stort", "the answer is too large"),
    "unreachable": Text("servern går inte att nå", "the server can't be reached"),
    "unverified": Text("det som lästes tillbaka skiljer sig från det som skickades", "what was sent reads differently"),
}
"""What an operator reads beside the code of a wire's failure. A connector puts them into its `problems`."""
