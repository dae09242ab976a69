"""Data categories: what kind of knowledge about people a field carries.

Every field of every event type has one. A data contract lists the categories that a recipient may see;
the gate removes the rest. The split follows what Swedish schools must tell apart: GDPR article 9 (health,
diet), the Public Access to Information and Secrecy Act (protected address), and the Education Act.
"""

from enum import StrEnum


class Category(StrEnum):
    """What a field tells. The values are those of `contract.categories` in the configuration."""

    IDENTITY = "identity"  # which person: SS 12000 id, civic number. Without it a recipient gets a pseudonym
    NAME = "name"
    CONTACT = "contact"  # e-mail, phone
    PROTECTED_ADDRESS = "protected_address"  # where somebody lives
    GROUP = "group"  # enrolment, group membership, with dates
    ATTENDANCE = "attendance"  # present or away, and when
    HEALTH = "health"
    DIET = "diet"  # may tell health or religion
    CASE_CONTENT = "case_content"
    FREE_TEXT = "free_text"  # what a person wrote: may hold anything
    STAFF = "staff"  # who teaches, who reported
    AGGREGATE = "aggregate"  # a sum over people, never one of them
    NONE = "none"  # concerns no person: rooms, times of lessons, organisations
