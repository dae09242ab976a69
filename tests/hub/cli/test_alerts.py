"""`skolnav alerts` on the real program: what needs a person, who sees to it, and that it goes when it is over."""

from tests.hub.cli.conftest import Place
from tests.until import block_until


def test_an_operator_is_shown_what_to_do_says_who_does_it_and_it_goes(place: Place) -> None:
    place.configure(alerts={"backup_age": "1s"})
    with place.hub():

        def raised() -> list[dict[str, str]]:
            found = place.ask("alerts", "--json").json()["alerts"]
            return [each for each in found if each["code"] == "backup-old"]

        (alert,) = block_until(raised, "the alert is raised", within_s=120)
        shown = place.ask("alerts")
        assert shown.code == 0
        assert alert["id"][:8] in shown.out
        assert "säkerhetskopia" in shown.out
        assert "skolnav backup" in shown.out
        assert "no backup" not in shown.out
        assert "The last backup is old" in place.ask("alerts", "--language", "en").out
        ran = place.ask("alerts", "acknowledge", alert["id"][:8], "--name", "Kim i driften")
        assert (ran.code, ran.out.strip()) == (0, f"{alert['id'][:8]}: Kim i driften tar hand om det.")
        assert raised()[0]["acknowledged_by"] == "Kim i driften"
        ran = place.ask("alerts", "acknowledge", "ffffffff-")
        assert ran.code == 1
        assert "Det finns inget larm ffffffff-." in ran.err


def test_where_nothing_is_wrong_nothing_needs_you(place: Place) -> None:
    with place.hub():
        found = [each["code"] for each in place.ask("alerts", "--json").json()["alerts"]]
        assert [code for code in found if not code.startswith("disk-")] == []
