"""Data categories: what kind of knowledge about people a field carries.

Every field of every event type has at least one category. A data contract lists the categories that a recipient may
see; the gate removes all other fields. The categories follow the distinctions that the law asks of Swedish schools:
GDPR article 9 (health, diet), the Public Access to Information and Secrecy Act (protected address), and the Education
Act.
"""

from enum import StrEnum


class Category(StrEnum):
    """What a field reveals. The values are those of `contract.categories` in the configuration."""

    IDENTITY = "identity"  # which person it is: SS 12000 id, civic number. A recipient without it gets a pseudonym
    NAME = "name"
    CONTACT = "contact"  # e-mail, phone
    PROTECTED_ADDRESS = "protected_address"  # where a person lives
    GROUP = "group"  # enrolment, group membership, with dates
    ATTENDANCE = "attendance"  # present or away, and when
    HEALTH = "health"
    DIET = "diet"  # may reveal health or religion
    CASE_CONTENT = "case_content"
    FREE_TEXT = "free_text"  # text that a person wrote; it may hold anything
    STAFF = "staff"  # which person teaches or reported
    AGGREGATE = "aggregate"  # a sum over people; never data on one person
    OPERATIONS = "operations"  # how the hub itself works, for those who run it
    NONE = "none"  # data on no person: rooms, times of lessons, organisations
