"""Options before a subcommand count as those after it: none is left out in silence."""

from typing import Any

import pytest

from hub.cli import dead_letters, main


@pytest.mark.parametrize(
    "command", [("catalogue", "show", "se.skolnav.meals.count.v1"), ("plugins", "show", "catering")]
)
def test_json_before_or_after_is_the_same(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    group, *rest = command
    shown = []
    for arguments in ([group, "--json", *rest], [group, *rest, "--json"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert shown[0].startswith("{")


@pytest.mark.parametrize("act", [("discard", "--all", "--yes", "--why", "x"), ("resend", "--all")])
def test_what_narrows_the_list_also_narrows_what_is_done(act: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """`dead-letters --reason R discard --all` discarded every dead letter."""
    asked: list[Any] = []

    class NoHub:
        def __enter__(self) -> None:
            """No hub runs."""

        def __exit__(self, *error: object) -> None:
            """Nothing to end."""

    def matching(hub: object, *narrowed: object) -> list[Any]:
        asked.append(narrowed)
        return []

    monkeypatch.setattr(dead_letters.Where, "hub", lambda where: NoHub())
    monkeypatch.setattr(dead_letters, "_matching", matching)
    with pytest.raises(SystemExit) as ended:
        main(["dead-letters", "--subscription", "S", "--reason", "R", "--type", "T", *act])
    assert ended.value.code == 0
    assert asked == [("S", "R", "T")]
