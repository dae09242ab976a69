"""Every command and snippet of the documentation that can run, runs: what a page shows is what came (promise 8)."""

import shutil

import pytest

from tests.docs.snippets import DOCS, Stage, alike, fences

pytestmark = pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs bash and curl")

MUNICIPALITY = fences(DOCS / "municipality.md")
STARTED = next(number for number, fence in enumerate(MUNICIPALITY) if fence.mark == "start") + 1


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path) as stage:
        yield stage


def test_a_municipality_can_follow_its_page(stage):
    assert stage.play(MUNICIPALITY) > 1


def test_a_consumer_can_follow_its_page_on_the_municipalitys_hub(stage):
    """Promise 2: a good receiver as the page has it, on repeats and in order."""
    stage.play(MUNICIPALITY[:STARTED])
    assert stage.play(fences(DOCS / "consumers.md")) > 10


@pytest.mark.parametrize(
    ("shown", "came"),
    [('{"a": 1}', '{"a": 2}'), ('{"a": 1}', '{"a": 1, "b": 2}'), ("[1]", "[]"), ('"a…"', '"b"')],
)
def test_an_answer_that_differs_is_noticed(shown, came):
    fence = next(each for each in MUNICIPALITY if each.mark == "start")
    assert not alike(type(fence)("json", "answer", shown, ""), shown, came)


def test_a_command_that_fails_fails_its_page(stage):
    fence = next(each for each in MUNICIPALITY if each.mark == "run")
    with pytest.raises(AssertionError, match=r"municipality\.md:\d+ ended with 7"):
        stage.play([type(fence)("sh", "run", "exit 7", fence.where)])


def test_a_vendor_can_follow_its_page(stage):
    assert stage.play(fences(DOCS / "vendors.md")) > 0
