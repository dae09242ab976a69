"""What a municipality writes about its kitchens, and what it is told where that is wrong."""

from datetime import date, datetime, time
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.catering.config import CateringConfig
from connectors.catering.cutoffs import days_of_report
from connectors.catering.days import serves
from schemas.school_time import SCHOOL_ZONE
from tests.school import UNIT


def kitchen(**changes: Any) -> dict[str, Any]:
    return {
        "id": "K-017",
        "units": [UNIT],
        "unit_code": "12345678",
        "sittings": [{"id": "1", "from": "11:10", "to": "11:40"}],
        **changes,
    }


def config(*kitchens: dict[str, Any], **changes: Any) -> CateringConfig:
    return CateringConfig.model_validate(
        {"kitchens": kitchens or (kitchen(),), "transport": {"kind": "folder", "path": "/srv/kitchen"}, **changes}
    )


def refusal(*kitchens: dict[str, Any], **changes: Any) -> tuple[str, str, str]:
    """(place, type, text) of the one thing that is wrong."""
    with pytest.raises(ValidationError) as caught:
        config(*kitchens, **changes)
    (detail,) = caught.value.errors(include_input=False)
    return ".".join(map(str, detail["loc"])), detail["type"], detail["msg"]


def test_a_day_is_open_or_closed() -> None:
    closed = {"also": ["2026-12-21", "2026-12-22"], "open": ["2026-12-22"]}
    place, kind, text = refusal(kitchen(closed_days=closed))
    assert (place, kind) == ("kitchens.0.closed_days", "day_twice")
    assert text.endswith(": 2026-12-22")


def test_a_kitchen_needs_little_and_the_rest_has_defaults() -> None:
    found = config()
    assert found.report_times == (time(8, 0), time(9, 30))
    assert found.kitchens[0].cutoff("special").time == time(8, 30)
    assert serves(found.kitchens[0], date(2026, 11, 24))
    assert not serves(found.kitchens[0], date(2026, 11, 22))


@pytest.mark.parametrize("wrong", ["25:10", "8:30", "24:00", "08:60", 570, None, "08:30:00"])
def test_a_wrong_time_is_refused_with_an_example_and_without_repeating_it(wrong: Any) -> None:
    cutoffs = [{"applies_to": "normal", "time": "08:30"}, {"applies_to": "special", "offset_days": 1, "time": wrong}]
    place, kind, text = refusal(kitchen(cutoffs=cutoffs))
    assert place == "kitchens.0.cutoffs.1.time"
    assert kind == "school_time"
    assert "09:30" in text
    assert str(wrong) not in text


def test_a_cutoff_falls_back_to_normal_and_the_horizon_reaches_the_earliest() -> None:
    cutoffs = [
        {"applies_to": "normal", "time": "09:00"},
        {"applies_to": "bulk", "offset_days": 7, "time": "12:00"},
    ]
    found = config(kitchen(cutoffs=cutoffs))
    assert found.kitchens[0].cutoff("special").time == time(9, 0)
    days = days_of_report(found.kitchens[0], datetime(2026, 11, 24, 8, tzinfo=SCHOOL_ZONE))
    assert max(days) == date(2026, 12, 1)
    assert found.cutoff_times() == {time(9, 0), time(12, 0)}


def test_a_cutoff_at_a_report_time_needs_no_timer_of_its_own() -> None:
    assert config(report_times=["08:00", "08:30"]).cutoff_times() == frozenset()


@pytest.mark.parametrize(
    ("kitchens", "kind"),
    [
        ([kitchen(), kitchen(unit_code="2")], "kitchen_twice"),
        ([kitchen(), kitchen(id="k-017", unit_code="2")], "kitchen_twice"),
        ([kitchen(id="k\u00f6k"), kitchen(id="ko\u0308k", unit_code="2")], "kitchen_twice"),
        ([kitchen(id="K-0\u200d17")], "plain_name"),
        ([kitchen(diet_codes={"X": "GLUTEN\u200cFRI"})], "plain_name"),
        ([kitchen(), kitchen(id="K-018")], "unit_code_twice"),
        ([kitchen(sittings=[{"id": "1", "from": "11:00", "to": "11:00"}])], "sitting_order"),
        ([kitchen(sittings=[{"id": "1", "from": "11:00", "to": "12:00"}] * 2)], "sitting_twice"),
        ([kitchen(cutoffs=[{"applies_to": "normal", "time": "08:30"}] * 2)], "cutoff_twice"),
        ([kitchen(diet_codes={"X": "NORMAL"})], "diet_code"),
        ([kitchen(units=["skolan"])], "uuid"),
        ([kitchen(unit_code="../x")], "string_pattern_mismatch"),
        ([kitchen(diet_codes={"X": "A;B"})], "string_pattern_mismatch"),
        ([kitchen(diet_codes={"X": "=A"})], "string_pattern_mismatch"),
        ([kitchen(staff_portion=3)], "extra_forbidden"),
    ],
)
def test_what_would_mix_or_break_files_is_refused(kitchens: list[dict[str, Any]], kind: str) -> None:
    assert refusal(*kitchens)[1] == kind


def test_sftp_needs_one_login_and_a_host_key_and_hides_the_password() -> None:
    sftp = {"kind": "sftp", "host": "h", "username": "u", "host_key": "ssh-ed25519 AAAA"}
    assert refusal(transport=sftp)[1] == "sftp_login"
    assert refusal(transport={**sftp, "password": "p", "key_file": "k"})[1] == "sftp_login"
    assert refusal(transport={**sftp, "password": "p", "host_key": "h ssh-ed25519 AAAA"})[1] == "host_key"
    assert "hunter2" not in repr(config(transport={**sftp, "password": "hunter2"}))


@pytest.mark.parametrize("transport", [{}, {"kind": "ftp"}, {"kind": ["hunter2"]}, "hunter2"])
def test_an_unknown_transport_is_told_without_repeating_it(transport: Any) -> None:
    place, kind, text = refusal(transport=transport)
    assert (place, kind) == ("transport", "transport_kind")
    assert "hunter2" not in text


HTTPS = {"kind": "https", "url": "https://kitchen.example/orders"}
MAIL = {
    "kind": "email",
    "host": "mail.example",
    "sender": "hub@example.se",
    "recipients": {"K-017": ["kok@example.se"]},
}


@pytest.mark.parametrize("transport", [HTTPS, MAIL])
def test_authorities_that_are_not_there_are_named_before_anything_starts(transport: dict[str, Any]) -> None:
    place, kind, text = refusal(transport={**transport, "ca_file": "/nonexistent/ca.pem"})
    assert place.endswith("ca_file")
    assert (kind, text.split(";")[0]) == ("file_missing", "there is no such file")


@pytest.mark.parametrize("wrong", ["kok", "kok@example.se, kock@example.se", "kok@example.se\r\nBcc: x@y.se"])
def test_a_mail_address_that_is_none_is_told_what_one_looks_like(wrong: str) -> None:
    """It had read as if the example was what had been written."""
    with pytest.raises(ValidationError) as caught:
        config(transport={**MAIL, "recipients": {"K-017": [wrong]}})
    (detail,) = caught.value.errors(include_input=False)
    assert detail["msg"] == "must be one e-mail address, for example kitchen@example.se"
    assert detail["ctx"]["sv"] == "ska vara en e-postadress, till exempel kok@example.se"
