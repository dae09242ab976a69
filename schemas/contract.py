"""The data contract: why a recipient may have data, which categories of it, and about whom."""

import json
from functools import cached_property
from hashlib import sha256
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.category import Category
from schemas.payload import Uuid

# Skolform, SS 12000:2020 v2.1.0, schema SchoolTypesEnum.
SCHOOL_TYPES: Final = frozenset(
    {
        "FS", "FKLASS", "FTH", "OPPFTH", "GR", "GRS", "TR", "SP", "SAM", "GY", "GYS", "VUX", "VUXSFI", "VUXGR",
        "VUXGY", "VUXSARGR", "VUXSARTR", "VUXSARGY", "SFI", "SARVUX", "SARVUXGR", "SARVUXGY", "KU", "YH", "FHS",
        "STF", "KKU", "HS", "ABU", "AU",
    }
)  # fmt: skip


class Scope(BaseModel):
    """Whose data: organisations (with their parts) and school types. If both are given, an event must match both."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    organisations: frozenset[Uuid] | None = Field(
        None, description="SS 12000 ids of organisations; their parts are included. Default: the whole municipality."
    )
    school_types: frozenset[str] | None = Field(
        None, description="SS 12000 school types, for example GR, GY. Default: all."
    )


class DataContract(BaseModel):
    """What one recipient may see and why (GDPR articles 5.1 b and c, and 6).

    `version` is derived from the content, so that a disclosure can name the contract under which it was made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    purpose: str = Field(min_length=1, description="Why the recipient may have the data, in plain words.")
    legal_basis: str = Field(
        min_length=1, description="The legal basis, for example 'public task, Education Act 7:17'."
    )
    purpose_sv: str | None = Field(None, min_length=1, description="`purpose` in Swedish, where it is not.")
    legal_basis_sv: str | None = Field(None, min_length=1, description="`legal_basis` in Swedish, where it is not.")
    categories: frozenset[Category] = Field(description="The categories of data that the recipient may see.")
    scope: Scope = Field(default_factory=Scope, description="Whose data. Default: the whole municipality.")

    def purpose_in(self, language: str) -> str:
        return (self.purpose_sv if language == "sv" else None) or self.purpose

    def legal_basis_in(self, language: str) -> str:
        return (self.legal_basis_sv if language == "sv" else None) or self.legal_basis

    @cached_property
    def version(self) -> str:
        """16 hex digits of the content's SHA-256."""
        scope = self.scope
        swedish = [self.purpose_sv, self.legal_basis_sv]
        canonical = json.dumps(
            [
                self.purpose,
                self.legal_basis,
                sorted(self.categories),
                None if scope.organisations is None else sorted(scope.organisations),
                None if scope.school_types is None else sorted(scope.school_types),
                *(swedish if any(swedish) else ()),
            ]
        )
        return sha256(canonical.encode()).hexdigest()[:16]
