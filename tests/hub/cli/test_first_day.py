"""`skolnav init` and `skolnav token`: what they write, the hub accepts, and no secret is shown or overwritten."""

import os
import pty
import subprocess
from pathlib import Path

import pytest
import yaml

from hub.cli.exits import Code, Failure
from hub.cli.init import init
from hub.cli.token import Kind, make, write
from hub.config.risks import LEAST_BITS, bits
from hub.outbound.signature import is_sound, public_key
from tests.hub.cli.conftest import SKOLNAV, Place

UNIT = "0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10"
KITCHEN = [
    "kitchen.kitchens[0].id=K-017", f"kitchen.kitchens[0].units[0]={UNIT}", "kitchen.kitchens[0].unit_code=12345678",
    "kitchen.kitchens[0].sittings[0].id=1", "kitchen.kitchens[0].sittings[0].from=11:10",
    "kitchen.kitchens[0].sittings[0].to=11:40", "kitchen.transport.kind=folder", "kitchen.transport.path=orders",
]  # fmt: skip


def given(answers: list[str]) -> list[str]:
    return [word for answer in answers for word in ("--answer", answer)]


@pytest.fixture
def empty(place: Place) -> Place:
    place.file.unlink()
    (place.folder / "orders").mkdir()
    return place


class TestInit:
    def test_what_it_writes_from_options_passes_check(self, empty: Place) -> None:
        more = ["kitchen.kitchens[0].sittings[1].id=2", "kitchen.kitchens[0].sittings[1].from=11:50",
                "kitchen.kitchens[0].sittings[1].to=12:20"]  # fmt: skip
        ran = empty.run(
            "init", "--municipality", "Exempelkommun", "--connector", "kitchen=catering", *given([*KITCHEN, *more])
        )
        assert ran.code == 0, ran.err
        written = yaml.safe_load(empty.file.read_text())
        assert [each["id"] for each in written["connectors"]["kitchen"]["kitchens"][0]["sittings"]] == ["1", "2"]
        assert written["directory"]["sources"] == written["clients"][0]["sources"]
        files = sorted((empty.folder / "secrets").iterdir())
        assert [file.name for file in files] == ["ops", "sis"]
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
        assert all(file.read_text().strip() not in ran.out + empty.file.read_text() for file in files)

    def test_a_connector_that_reads_the_directory_replaces_the_publisher(self, empty: Place) -> None:
        answers = ["sis.base_url=https://sis.example/v2.0", "sis.auth.kind=token", "sis.auth.token=k3y-of-the-supplier"]
        ran = empty.run("init", "--municipality", "Exempelkommun", "--connector", "sis=ss12000", *given(answers))
        assert empty.file.exists(), ran.err
        written = yaml.safe_load(empty.file.read_text())
        assert [each["id"] for each in written["clients"]] == ["ops"]
        assert written["directory"]["sources"] == ["urn:skolnav:exempelkommun:sis"]
        assert "k3y-of-the-supplier" not in empty.file.read_text() + ran.out

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ([], "municipality"),
            (["--municipality", "X", "--connector", "kitchen=cater"], "catering"),
            (["--municipality", "X", "--connector", "kitchen=catering", *given(KITCHEN[1:])], "kitchen.kitchens[0].id"),
            (["--municipality", "X", "--answer", "kitchen.id=1"], "kitchen.id"),
        ],
        ids=["nobody to ask", "a misspelt connector", "an answer that is missing", "an answer to no question"],
    )
    def test_without_what_it_needs_it_writes_nothing(self, empty: Place, arguments: list[str], says: str) -> None:
        ran = empty.run("init", *arguments)
        assert ran.code == 2
        assert says in ran.err
        assert sorted(path.name for path in empty.folder.iterdir()) == ["orders"]

    def test_it_asks_a_person_at_a_terminal(self, empty: Place) -> None:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [SKOLNAV, "init"], cwd=empty.folder, env=empty.environ(), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        os.write(ours, "Östra Göinge\n\n\n\n".encode())  # the defaults, and no connector
        said = b""
        try:
            while part := os.read(ours, 4096):
                said += part
        except OSError:
            pass  # the terminal's other end is closed
        os.close(ours)
        assert process.wait(60) == 0, said.decode()
        assert yaml.safe_load(empty.file.read_text())["municipality"] == "Östra Göinge"

    def test_a_file_that_is_there_is_not_overwritten(self, place: Place) -> None:
        before = place.file.read_text()
        assert place.run("init", "--municipality", "X").code == 2
        assert place.file.read_text() == before

    def test_a_secret_that_is_there_already_stops_it_before_anything_is_written(self, empty: Place) -> None:
        there = empty.folder / "secrets" / "sis"
        there.parent.mkdir()
        there.write_text("of another")
        with pytest.raises(Failure) as refused:
            init(empty.file, connectors=[], given=[], options={"municipality": "X"})
        assert str(there) in refused.value.text
        assert "--rotate" not in refused.value.text  # which only `token new` has
        assert [path.name for path in there.parent.iterdir()] == ["sis"]
        assert there.read_text() == "of another"
        assert not empty.file.exists()

    def test_what_fails_half_way_leaves_nothing_so_that_it_can_be_tried_again(
        self, empty: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written: list[Path] = []

        def full(path: Path, content: str) -> None:
            if written:
                raise Failure(Code.FILES, "the disk is full")
            written.append(path)
            write(path, content)

        with monkeypatch.context() as patched:
            patched.setattr("hub.cli.init.write", full)
            with pytest.raises(Failure, match="full"):
                init(empty.file, connectors=[], given=[], options={"municipality": "X"})
        assert len(written) == 1
        assert [path.name for path in empty.folder.iterdir()] == ["orders"]
        init(empty.file, connectors=[], given=[], options={"municipality": "X"})
        assert empty.file.exists()

    def test_two_secrets_of_like_places_are_two_files(self, empty: Place) -> None:
        """Both would be `k-k-auth-token`: one far side would get the login of the other."""
        answers = [
            f"{name}.{place}={value}"
            for name in ("kök", "kåk")
            for place, value in [
                ("base_url", "https://sis.example/v2.0"),
                ("auth.kind", "token"),
                ("auth.token", f"login-{name}"),
            ]
        ]
        init(empty.file, connectors=["kök=ss12000", "kåk=ss12000"], given=answers, options={"municipality": "X"})
        connectors = yaml.safe_load(empty.file.read_text())["connectors"]
        for name in ("kök", "kåk"):
            file = connectors[name]["auth"]["token"].removeprefix("${file:").removesuffix("}")
            assert (empty.folder / file).read_text().strip() == f"login-{name}"


class TestToken:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_each_kind_cannot_be_guessed(self, kind: Kind) -> None:
        made = make(kind)
        assert bits(made) >= LEAST_BITS
        assert made != make(kind)
        if kind is not Kind.TOKEN:
            assert is_sound(made)
        assert (public_key(made) is not None) is (kind is Kind.ED25519)

    def test_a_file_is_rotated_and_never_overwritten_unasked(self, place: Place) -> None:
        file = place.folder / "secrets" / "acme"
        assert place.ask("token", "new", "--file", str(file)).code == 0
        first = file.read_text()
        assert place.ask("token", "new", "--file", str(file)).code == 2
        assert file.read_text() == first
        ran = place.ask("token", "new", "--file", str(file), "--rotate")
        assert ran.code == 0
        assert file.with_name("acme.previous").read_text() == first
        assert file.read_text() not in (first, "")
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in file.parent.iterdir())
        assert file.read_text().strip() not in ran.out + ran.err

    def test_a_signing_keys_public_half_is_shown_and_its_file_keeps_the_other(self, place: Place) -> None:
        ran = place.ask("token", "new", "--kind", "ed25519", "--file", "hook")
        assert public_key((place.folder / "hook").read_text().strip()) in ran.err
        assert "whsk_" not in ran.out + ran.err
