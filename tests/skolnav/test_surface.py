"""What a vendor may rely on stays: an incompatible change of the public names needs a new major version of the SDK."""

from pathlib import Path

import pytest

from plugins.sdk import MAJOR
from skolnav import reference, surface

KEPT = sorted((Path(__file__).parent / "last").glob("surface-*.txt"))


def test_nothing_that_vendors_rely_on_has_changed_without_a_new_major_version():
    major, lines = surface.recorded(surface.FILE.read_text("utf-8"))
    broken = surface.incompatible(lines, surface.current()) if major == MAJOR else []
    assert not broken, "raise plugins.sdk.MAJOR, or undo: " + "; ".join(broken)


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_packages_for_an_earlier_release_of_this_major_version_still_fit(kept):
    """`surface.txt` is written anew with each addition; what a release promised is kept beside the last wheels."""
    major, lines = surface.recorded(kept.read_text("utf-8"))
    assert major == MAJOR, "a file of an earlier major version is deleted when the new one is released"
    assert surface.incompatible(lines, surface.current()) == []


def test_the_first_release_of_this_major_version_is_kept():
    assert f"surface-{MAJOR}.0" in [path.stem for path in KEPT]


def test_the_recorded_surface_is_the_present_one():
    assert surface.as_text(surface.current()) == surface.FILE.read_text("utf-8"), "run: python -m skolnav.surface"


def test_every_public_module_is_part_of_the_surface():
    assert any(line.startswith("skolnav.sdk.Connector.handle async def (self, event)") for line in surface.current())
    assert not [line for line in surface.current() if " at 0x" in line]


GET = "skolnav.sdk.State.get def (self, name, default=None) -> Any with name: str, default: Any"
PEER = "skolnav.testing.suites.Peer class(Protocol)"
EVENT = "skolnav.events.Absence class(Payload)"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([GET], []),
        ([GET], [GET.replace("name, ", "key, ").replace("name:", "key:")]),
        ([GET], [GET.replace("=None", "")]),
        ([GET], [GET.replace("default=None", "default=0")]),
        ([GET], [GET.replace("(self, name", "(self, where, name")]),
        ([GET], [GET.replace("default=None)", "default=None, *, lang)")]),
        ([GET], [GET.replace("name: str", "name: int")]),
        ([GET], [GET.replace("-> Any", "-> str")]),
        ([GET], [GET.replace("get def", "get async def")]),
        ([GET], [GET.replace("def (self, name, default=None) -> Any with name: str, default: Any", "property -> Any")]),
        ([PEER], [PEER, "skolnav.testing.suites.Peer.freeze def (self) -> None"]),
        ([EVENT], [EVENT, "skolnav.events.Absence.reason field str, required"]),
        (["a.E.ONE member 'one'"], ["a.E.ONE member 'two'"]),
        (["a.A.b field str, required"], ["a.A.b field str, optional"]),
    ],
)
def test_a_change_that_could_break_a_vendors_package_is_named(old, new):
    (says,) = surface.incompatible(old, new)
    assert says.startswith(("skolnav.", "a."))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([], [GET]),
        ([GET], [GET.replace("default=None)", "default=None, lang='sv')") + ", lang: str"]),
        ([GET], [GET.replace("default=None)", "default=None, *, lang='sv')") + ", lang: str"]),
        ([GET], [GET.replace("default=None)", "default=None, **more)")]),
        ([EVENT], [EVENT, "skolnav.events.Absence.reason field str | None, optional"]),
        (["skolnav.sdk.Context class(Protocol)"],
         ["skolnav.sdk.Context class(Protocol)", "skolnav.sdk.Context.ask def (self) -> None"]),
    ],
)  # fmt: skip
def test_an_addition_breaks_nothing(old, new):
    assert surface.incompatible(old, new) == []


def test_the_command_refuses_to_record_an_incompatible_change(tmp_path, monkeypatch, capsys):
    file = tmp_path / "surface.txt"
    gone = "skolnav.sdk.Gone class()"
    file.write_text(surface.as_text([*surface.current(), gone]))
    monkeypatch.setattr(surface, "FILE", file)
    assert surface.main() == 1
    assert "skolnav.sdk.Gone is gone" in capsys.readouterr().err
    assert gone in file.read_text()
    monkeypatch.setattr(surface, "MAJOR", MAJOR + 1)
    assert surface.main() == 0
    assert gone not in file.read_text()


def test_the_reference_is_the_codes():
    shown = (surface.FILE.parents[1] / "docs" / "vendors" / "reference.md").read_text("utf-8")
    assert shown == reference.markdown(), "run: python -m skolnav.reference > docs/vendors/reference.md"


def test_every_class_and_function_says_what_it_is_for():
    sections = reference.markdown().split("\n### ")[1:]
    assert [section.split("\n")[0] for section in sections if section.split("\n")[2].strip() == ""] == []
