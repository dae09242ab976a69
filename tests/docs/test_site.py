"""The documentation is built as a site, strictly, and its pages load nothing from elsewhere."""

import re
import subprocess
import sys

from tests.docs.snippets import DOCS, REPOSITORY
from tests.peers.tools import tool

EXTERNAL = re.compile(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"https?:|<link\b[^>]*rel=\"stylesheet\"[^>]*href=\"https?:")


def build(folder, *root):
    command = [sys.executable, REPOSITORY / "scripts" / "site.py", tool("zensical"), folder, *root]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_page_is_built_without_the_marks_of_its_fences(tmp_path):
    done = build(tmp_path / "made")
    assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / "made" / "site"
    for page in sorted(DOCS.rglob("*.md")):
        name = "index.html" if page.stem == "README" else f"{page.stem}.html"
        made = (site / page.relative_to(REPOSITORY).parent / name).read_text("utf-8")
        assert not EXTERNAL.search(made), page
        assert "sh run" not in made
    assert (site / "index.html").exists()
    assert (site / "docs" / "flow.svg").exists()


def test_a_link_or_an_anchor_that_leads_nowhere_fails_the_build(tmp_path):
    page = tmp_path / "pages" / "README.md"
    page.parent.mkdir()
    page.write_text("# A page\n\n[here](#a-page), [there](nowhere.md), [here](#no-such-heading)\n")
    done = build(tmp_path / "made", tmp_path / "pages")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert (said.count("Warning"), "page does not exist" in said, "anchor does not exist" in said) == (2, True, True)
