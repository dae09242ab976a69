"""What a failed self-test says to a municipality, in Swedish, by the failure's code. Names settings, never a value."""

from collections.abc import Mapping
from typing import Final

_ODD: Final = "Det som svarade är inte ett SS 12000-API. Kontrollera base_url med hela sökvägen."

SWEDISH: Final[Mapping[str, str]] = {
    "busy": "Skolsystemet har för mycket att göra just nu (429 eller 503). Försök igen om en stund.",
    "ca-file": "ca_file kan inte läsas. Den ska vara en PEM-fil med utfärdarens certifikat.",
    "certificate": (
        "Certifikatet hos skolsystemet, eller hos dess tokenserver, går inte att lita på: det har gått ut, gäller ett "
        "annat namn eller kommer från en utfärdare som hubben inte litar på. Säg till leverantören, och kontrollera "
        "maskinens klocka och ca_file."
    ),
    "client-certificate": (
        "Klientcertifikatet kan inte användas: en fil saknas, är inte PEM, har lösenfras, eller så hör nyckel och "
        "certifikat inte ihop. Kontrollera auth.certificate och auth.key."
    ),
    "cut-off": "Skolsystemets svar bröts av eller gick inte att läsa. Försök igen, och säg annars till leverantören.",
    "failing": "Skolsystemet svarar med ett fel (5xx). Försök igen, och säg annars till leverantören.",
    "login-refused": "Hubbens inloggning tas inte emot. Kontrollera auth med leverantören.",
    "not-json": _ODD,
    "redirect": "Skolsystemet hänvisar till en annan adress. Hubben följer inte med: rätta base_url.",
    "refused": (
        "Skolsystemet lämnar inte ut sina organisationer. Kontrollera base_url med hela sökvägen, och vad hubbens "
        "konto får läsa."
    ),
    "slow": "Skolsystemet svarade inte i tid. Kontrollera base_url, och att hubbens maskin når dit.",
    "token": "Tokenservern gav ingen åtkomst. Kontrollera auth.login_url, auth.client_id och auth.client_secret.",
    "too-large": "Skolsystemets svar är större än max_answer_mib. Sätt ett lägre värde på limit.",
    "unreachable": "Skolsystemet går inte att nå. Kontrollera base_url, och att hubbens maskin får gå ut dit.",
    "wrong-shape": _ODD,
}
