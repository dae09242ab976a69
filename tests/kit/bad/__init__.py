"""Bad connectors: each is the right one (`tests.kit.right`) with one fault, which its docstring names.

`SEEDED` lists them all, with the test of the suite that must fail and the rule that its message must name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plugins import Connector
from plugins.testing.suites import Subject

SEEDED: "list[Bad]" = []


@dataclass(frozen=True, slots=True)
class Bad:
    cls: type[Connector[Any]]
    suite: type[Subject]
    test: str
    rule: str
    says: str  # a part of the message, as a regular expression
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the suite's class
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the test


def bad(suite: type[Subject], test: str, rule: str, says: str, *, fault: str = "", **settings: Any) -> Any:
    """Declare a bad connector: which test of which suite fails, and what the message says."""

    def declare(cls: type[Connector[Any]]) -> type[Connector[Any]]:
        SEEDED.append(Bad(cls, suite, test, rule, says, settings, {"fault": fault} if fault else {}))
        return cls

    return declare
