"""A package that is written for another version of the SDK is refused before any of its code runs (promise 8)."""

from tests.skolnav.environments import environment, wheel

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-tomorrow"
version = "1.0"

[project.entry-points."skolnav.connectors"]
acme-tomorrow = "acme_tomorrow"

[project.entry-points."skolnav.sdk"]
2 = "acme_tomorrow"

[tool.setuptools]
packages = ["acme_tomorrow"]
"""


def test_the_refusal_is_shown_in_the_users_language_and_the_others_are_used(hub_wheel, tmp_path):
    project = tmp_path / "acme-tomorrow"
    (project / "acme_tomorrow").mkdir(parents=True)
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "acme_tomorrow" / "__init__.py").write_text("from skolnav.sdk import WhatVersion2Has\n")
    installed = environment(tmp_path / "env", hub_wheel, wheel(project, tmp_path))
    shown = {
        language: installed.run("skolnav", "plugins", cwd=tmp_path, SKOLNAV_LANG=language) for language in ("sv", "en")
    }
    assert all("catering" in each.stdout for each in shown.values())
    assert (
        "acme-tomorrow (acme-tomorrow): can't be used: it is written for version 2 of Skolnav's SDK, and this hub has "
        "version 1.0. Install a release of the package for version 1, or a hub with version 2"
    ) in " ".join(shown["en"].stderr.split())
    assert "paketet är skrivet för version 2 av Skolnavs SDK" in shown["sv"].stderr
    assert "WhatVersion2Has" not in shown["sv"].stderr + shown["en"].stderr
