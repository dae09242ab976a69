"""The version of a contract names its content, so that a disclosure can be proven later (promise 5)."""

from schemas import Category, DataContract

CONTENT = {"purpose": "school meals", "legal_basis": "public task", "categories": frozenset({Category.DIET})}


def test_what_a_swedish_officer_is_told_is_a_part_of_the_content() -> None:
    versions = {
        DataContract(**CONTENT, **more).version
        for more in ({}, {"purpose_sv": "skolmåltider"}, {"legal_basis_sv": "skolmåltider"}, {"purpose_sv": "annat"})
    }
    assert len(versions) == 4


def test_a_contract_without_swedish_words_keeps_the_version_that_disclosures_name() -> None:
    assert DataContract(**CONTENT).version == "7d691fbde1e80c17"
