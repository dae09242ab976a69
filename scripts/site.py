"""Build the documentation as a site: `python scripts/site.py ZENSICAL FOLDER [ROOT]`.

A link or an anchor that leads nowhere fails the build. The pages lie beside what they are about (`docs/`,
`connectors/*/README.md`) and link to it, so that they can be read in the repository. They are copied as they lie,
without the marks of fences, which are for `tests/docs`.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/**/*.md", "connectors/*/README.md", "bench/README.md", "examples/*/README.md")
FILES = ("LICENSE", "docs/*.svg", "deploy/*", "bench/*.py", "pyproject.toml")
SETTINGS = """\
[project]
site_name = "Skolnav"
site_description = "The integration hub for Swedish schools"
docs_dir = "pages"
site_dir = "site"
use_directory_urls = false

[project.theme]
language = "en"
font = false
"""
MARK = re.compile(r"^(```\w+) [^\n]+$", re.MULTILINE)


def build(zensical: Path, folder: Path, root: Path) -> int:
    """Build the site of the pages below `root` into `folder/site`; returns the exit code of the generator."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "pages"
    for glob in (*PAGES, *FILES):
        for path in sorted(root.glob(glob)):
            if path.is_file():
                copy = pages / path.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix == ".md":
                    copy.write_text(MARK.sub(r"\1", path.read_text("utf-8")), "utf-8")
                else:
                    shutil.copyfile(path, copy)
    (folder / "zensical.toml").write_text(SETTINGS, "utf-8")
    command = [zensical, "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603 - the caller's program


if __name__ == "__main__":
    program, made, *pages_of = map(Path, sys.argv[1:])
    sys.exit(build(program, made, pages_of[0] if pages_of else ROOT))
