"""Codes of failures in words, also those that only a connector's class knows (`Connector.problems`)."""

from hub.assembly.services import Services
from hub.texts import Language, reason
from plugins.texts import words_of


def reason_of(services: Services, subscription: str, code: str, language: Language) -> str:
    """What a code means for a subscription, by its id; the code itself if nobody has words for it."""
    kind, _, name = subscription.partition(":")
    if kind == "connector" and name:
        try:
            own = words_of(code, services.hosts.instance(name).cls.problems)
        except KeyError:  # it has left the configuration
            own = None
        if own is not None:
            return own.sv if language == "sv" else own.en
    return reason(code, language) if code else ""
