"""Every command and snippet of the documentation that can run, runs: what a page shows is what came (promise 8)."""

import shutil

import pytest

from tests.docs.snippets import DOCS, Fence, Stage, alike, fences

pytestmark = pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs bash and curl")

MUNICIPALITY = fences(DOCS / "municipality.md")
STARTED = next(number for number, fence in enumerate(MUNICIPALITY) if fence.mark == "start") + 1


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path) as stage:
        yield stage


def test_a_municipality_and_a_consumer_can_follow_their_pages_and_the_backup_goes_on(tmp_path):
    """The consumer's page goes on with the hub that the municipality has started, and the municipality's with both."""
    consumer = fences(DOCS / "consumers.md")
    first, rest = MUNICIPALITY[:STARTED], MUNICIPALITY[STARTED:]
    with Stage(tmp_path) as stage:
        assert stage.play(first) > 2
        assert stage.play(consumer) > 10
        assert stage.play(rest) > 8
    shutil.rmtree(tmp_path / "data")
    back = Fence("sh", "run", "skolnav restore backup && cp backup/key data/key", "")
    with Stage(tmp_path) as stage:
        stage.play([*(each for each in first if each.mark.startswith("file")), back])
    # The backup may lack a protection, so nobody is open before the source has said so anew.
    anew = Fence(
        "sh",
        "run",
        """curl -sSf "$HUB/v1/events" -H "Authorization: Bearer $SIS" \\
 -H "Content-Type: application/cloudevents+json" -d @- <<EOF
{"specversion": "1.0", "id": "current-2", "source": "urn:exempel:sis", "type": "se.skolnav.directory.current.v1",
 "data": {"asOf": "$(date -u +%FT%TZ)"}}
EOF""",
        "",
    )
    read = Fence(
        "sh", "run", 'curl -sS "$HUB/v1/subscriptions/acme-absence/events" -H "Authorization: Bearer $ACME"', ""
    )
    known = Fence(
        "json",
        "answer",
        '[{"id": "absence-1", "…": "…"}, {"id": "absence-2", "…": "…"}, {"type": "…leave_granted.v1", "…": "…"}]',
        "the restored feed",
    )
    with Stage(tmp_path) as stage:
        stage.play([*first, consumer[0], anew, read, known])


@pytest.mark.parametrize(
    ("shown", "came"),
    [('{"a": 1}', '{"a": 2}'), ('{"a": 1}', '{"a": 1, "b": 2}'), ("[1]", "[]"), ('"a…"', '"b"')],
)
def test_an_answer_that_differs_is_noticed(shown, came):
    assert not alike(Fence("json", "answer", shown, ""), shown, came)


def test_a_command_that_fails_fails_its_page(stage):
    with pytest.raises(AssertionError, match="page:3 ended with 7"):
        stage.play([Fence("sh", "run", "exit 7", "page:3")])


@pytest.mark.parametrize("page", sorted(DOCS.glob("vendors/*.md")), ids=lambda page: page.name)
def test_a_vendor_can_follow_each_page(stage, page):
    marked = [fence for fence in fences(page) if fence.mark]
    ran = stage.play(fences(page))
    assert ran or not marked, "files that nothing runs"
    assert page.name not in ("writing.md", "tutorial.md", "cookbook.md") or ran > 2
