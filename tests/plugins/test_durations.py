from datetime import timedelta

import pytest
from pydantic import ValidationError

from plugins import ConnectorConfig, Duration


class Config(ConnectorConfig):
    poll: Duration


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("60s", timedelta(seconds=60)),
        ("5m", timedelta(minutes=5)),
        ("26h", timedelta(hours=26)),
        ("7d", timedelta(days=7)),
        (timedelta(minutes=1), timedelta(minutes=1)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(written, meant):
    assert Config(poll=written).poll == meant


@pytest.mark.parametrize(
    "wrong", ["60", 60, 60.0, "", "s", "-5m", "1.5h", "5 m", "5w", "60s ", "٦s", "999999999d", None]
)
def test_anything_else_is_refused_with_examples_and_without_repeating_it(wrong):
    with pytest.raises(ValidationError) as caught:
        Config(poll=wrong)
    (detail,) = caught.value.errors()
    assert (detail["type"], detail["msg"]) == ("config.duration", 'not a duration: "60s", "26h", "7d"')


@pytest.mark.parametrize("nothing", ["0s", "000d", timedelta(0)])
def test_no_time_at_all_is_refused_as_that(nothing):
    with pytest.raises(ValidationError) as caught:
        Config(poll=nothing)
    (detail,) = caught.value.errors()
    assert (detail["type"], detail["msg"]) == ("duration_zero", 'must be more than zero, for example "60s"')
    assert "längre än noll" in detail["ctx"]["sv"]
