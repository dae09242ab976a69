"""Settings that wires have in common: addresses, logins, certificates, time-outs. A connector's model inherits them."""

from plugins.wires.settings import (
    Address,
    Auth,
    BasicAuth,
    CertificateAuth,
    ClientAuth,
    EmailAddress,
    FolderSettings,
    HostKey,
    HttpsAddress,
    ReadBack,
    Settings,
    SftpSettings,
    SmtpSettings,
    TimeOuts,
    TokenAuth,
    Trust,
)

__all__ = [
    "Settings",
    "TokenAuth",
    "BasicAuth",
    "ClientAuth",
    "CertificateAuth",
    "TimeOuts",
    "Trust",
    "ReadBack",
    "FolderSettings",
    "SftpSettings",
    "SmtpSettings",
    "Address",
    "HttpsAddress",
    "EmailAddress",
    "HostKey",
    "Auth",
]
