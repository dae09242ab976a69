"""Settings that wires have in common: addresses, logins, certificates, time-outs. A connector's model inherits them.

A field's description is what `skolnav plugins` shows; a subclass may describe it anew for its own far side.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from plugins.paths import LocalPath, is_checked
from plugins.rules import CertificateFile, SshKeyFile, WritableFolder, own_key, rule

_URL: Final = re.compile(r"https?://[^\s/?#@\\]+(/[^\s?#\\]*)?\Z", re.ASCII)
# Plain addresses only (RFC 5321 dot-string): no character that a header or a server could read as something else.
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9_+'-]+(\.[A-Za-z0-9_+'-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)+\Z", re.ASCII
)
_HOST_KEY: Final = re.compile(r"(ssh|ecdsa)-[\w@.-]+ [A-Za-z0-9+/]+={0,2}( .*)?\Z", re.ASCII)


class Settings(BaseModel):
    """Base of a part of a connector's configuration: unknown keys are errors, no value appears in a message."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


# -- values -----------------------------------------------------------------------------------------------------


def _address(value: str) -> str:
    if not _is_plain(value) or not (value.startswith("https://") or _is_local(urlsplit(value).hostname or "")):
        raise rule(
            "address",
            "must begin with https:// (http only to this machine), then host and path, and have no login, query or "
            "fragment",
            "ska börja med https:// (http bara till den egna maskinen), sedan värd och sökväg, och sakna inloggning, "
            "fråga och fragment",
        )
    return value.rstrip("/")


def _https_address(value: str) -> str:
    if not _is_plain(value) or not value.startswith("https://"):
        raise rule(
            "https_address",
            "must begin with https://, then host and path, and have no login, query or fragment",
            "ska börja med https://, sedan värd och sökväg, och sakna inloggning, fråga och fragment",
        )
    return value.rstrip("/")


def _is_plain(value: str) -> bool:
    """Whether `value` is an address with a usable host and port, and nothing after them but a path."""
    try:
        parts = urlsplit(value)
        return bool(_URL.match(value)) and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    """Whether `host` is this machine, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _email(value: str) -> str:
    if not _EMAIL.match(value) or len(value) > 254:
        raise rule(
            "email_address",
            "must be one e-mail address, for example kitchen@example.se",
            "ska vara en e-postadress, till exempel kok@example.se",
        )
    return value


def _host_key(value: str, info: ValidationInfo) -> str:
    if not _HOST_KEY.match(value) or (is_checked(info) and not _is_key(*value.split()[:2])):
        raise rule(
            "host_key",
            "must be a key type and base64: ssh-ed25519 AAAA...",
            "ska vara nyckeltyp och base64: ssh-ed25519 AAAA...",
        )
    return value


def _is_key(kind: str, encoded: str) -> bool:
    """Whether the base64 holds a whole key of this kind: parts after their lengths, of which the first is the kind."""
    try:
        left = b64decode(encoded, validate=True)
    except ValueError:
        return False
    parts = []
    while len(left) >= 4:
        end = 4 + int.from_bytes(left[:4], "big")
        parts.append(left[4:end])
        if end > len(left):
            return False
        left = left[end:]
    return not left and len(parts) > 1 and parts[0] == kind.encode()


Address = Annotated[str, AfterValidator(_address)]
"""https, or http to this machine; without login, query, fragment and last slash."""
HttpsAddress = Annotated[str, AfterValidator(_https_address)]
EmailAddress = Annotated[str, AfterValidator(_email)]
HostKey = Annotated[str, AfterValidator(_host_key)]


# -- ways to log in over HTTPS -----------------------------------------------------------------------------------


class TokenAuth(Settings):
    """A bearer token that the far side's operator has issued."""

    token: SecretStr = Field(min_length=1, description="The token; give it as ${file:...} or ${env:...}.")


class BasicAuth(Settings):
    """A name and a password (HTTP Basic, RFC 7617)."""

    username: str = Field(min_length=1, pattern=r"^[^:]+$", description="Account at the server, without a colon.")
    password: SecretStr = Field(min_length=1, description="Secret; give it as ${file:...} or ${env:...}.")


class ClientAuth(Settings):
    """OAuth 2 client credentials (RFC 6749 section 4.4)."""

    login_url: Address = Field(description="Where access tokens are issued, https://...")
    client_id: str = Field(min_length=1, description="The client's id.")
    client_secret: SecretStr = Field(min_length=1, description="Its secret; give it as ${file:...} or ${env:...}.")
    scope: str | None = Field(None, description="OAuth 2 scope, where the supplier asks for one.")
    send: Literal["body", "basic"] = Field(
        "body", description="How id and secret are sent: body (form fields) or basic (HTTP Basic)."
    )


class CertificateAuth(Settings):
    """A client certificate (mTLS)."""

    certificate: CertificateFile = Field(description="PEM file with the certificate and those above it.")
    key: LocalPath = Field(description="PEM file with its private key, without passphrase.")

    @field_validator("key")
    @classmethod
    def _belongs(cls, value: Path, info: ValidationInfo) -> Path:
        certificate = info.data.get("certificate")  # missing where it was refused
        return value if certificate is None else own_key(certificate, value)


Auth = TokenAuth | BasicAuth | ClientAuth | CertificateAuth


# -- a wire's own ------------------------------------------------------------------------------------------------


class TimeOuts(Settings):
    """How long a wire waits."""

    swedish: ClassVar[Mapping[str, str]] = {
        "timeout_s": "Längsta tystnad från servern, sekunder.",
        "deadline_s": "Längsta tid för ett helt utbyte, sekunder.",
    }

    timeout_s: float = Field(20, gt=0, le=300, description="Longest silence of the server, seconds.")
    deadline_s: float = Field(60, gt=0, le=600, description="Longest time for one whole exchange, seconds.")


class Trust(Settings):
    """Which servers a wire trusts."""

    swedish: ClassVar[Mapping[str, str]] = {
        "ca_file": "Certifikatutfärdare att lita på, PEM. Utelämnad: de som den här maskinen litar på.",
    }

    ca_file: CertificateFile | None = Field(
        None, description="Certificate authorities to trust, PEM. Left out: those that this machine trusts."
    )


class ReadBack(Settings):
    """Whether the far side lets the hub read the files that it has put there."""

    read_back: bool = Field(
        True,
        description="Whether files can be read where they are put. False for a drop box: sizes are compared instead.",
    )


class FolderSettings(ReadBack):
    """A folder on this machine."""

    path: WritableFolder = Field(description="An existing folder. Files are written beside each other in it.")


class SftpSettings(TimeOuts, ReadBack):
    """An SFTP server, with the requests of version 3 of the protocol."""

    host: str = Field(min_length=1, description="Host name or address.")
    port: int = Field(22, ge=1, le=65535, description="TCP port.")
    username: str = Field(min_length=1, description="Account at the server.")
    password: SecretStr | None = Field(None, description="Secret; give it as ${file:...} or ${env:...}.")
    key_file: SshKeyFile | None = Field(None, description="Private key in OpenSSH format, without passphrase.")
    host_key: HostKey = Field(
        description="The server's public key, type and base64 as `ssh-keyscan` shows them: ssh-ed25519 AAAA... "
        "Compare it with the server's operator over another channel; any other key is refused."
    )
    path: str = Field(".", min_length=1, description="An existing folder at the server.")

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.password is None) == (self.key_file is None):
            raise rule(
                "sftp_login", "give either `password` or `key_file`", "ange antingen `password` eller `key_file`"
            )
        return self


class SmtpSettings(TimeOuts, Trust):
    """A mail server that offers STARTTLS."""

    host: str = Field(min_length=1, description="Host name of the mail server, as in its certificate.")
    port: int = Field(587, ge=1, le=65535, description="TCP port.")
    username: str | None = Field(None, min_length=1, description="Account at the server. Left out: no login.")
    password: SecretStr | None = Field(None, description="Secret; give it as ${file:...} or ${env:...}.")
    sender: EmailAddress = Field(description="Address that the mail comes from; answers go there.")
    deadline_s: float = Field(60, gt=0, le=300, description="Longest time for one mail, seconds.")

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise rule(
                "email_login",
                "give both `username` and `password`, or neither",
                "ange både `username` och `password`, eller inget av dem",
            )
        return self
