"""What `gate --init` writes: a configuration, and the workflow of the CI server that the repository uses."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterator

from ambimigrate import __version__
from ambimigrate.model import Target

GITHUB, GITLAB = ".github/workflows/ambimigrate.yml", ".gitlab/ambimigrate.yml"
GITLAB_CI = ".gitlab-ci.yml"
SCHEMA = "config.schema.json"
VARIABLE = "AMBIMIGRATE_REPOSITORY"  # names where ambimigrate is, if that is another place: OWNER/NAME or a URL
PROJECT = "ambimigrate/ambimigrate"
_GITHUB = "https://github.com/"
IS_PROJECT = re.compile(r"[\w.:/@~-]+/[\w.-]+")
_PLAIN = re.compile(r"[\w./][\w./ -]*")


def server(names: Collection[str], remote: str) -> str:
    """Which CI server the repository uses, by its files, else by where it comes from."""
    if ".github" in names:
        return "github"
    if GITLAB_CI in names or ".gitlab" in names:
        return "gitlab"
    return "gitlab" if "gitlab" in remote.lower() else "github"


def configuration(target: Target) -> str:
    """A configuration that says for what the verdicts are, and names what else there is."""
    return f"""\
# yaml-language-server: $schema=.ambimigrate/{SCHEMA}
target:
  istio: "{target.istio}"
  channel: {target.channel}

# Namespaces that are in ambient mode for good: the gate keeps them there.
# migrated: [shop]
"""


def workflow(named: str, path: str, project: str = PROJECT) -> Iterator[tuple[str, str]]:
    """The files that run the gate, by name from the root of the repository, as `path` is; `project` is where ambimigrate is."""
    if named == "github":
        yield GITHUB, _github(path, "/".join(re.split(r"[/:]", project.removesuffix(".git"))[-2:]))
    else:
        yield GITLAB, _gitlab(path, project if ":" in project else f"{_GITHUB}{project}")
        yield GITLAB_CI, f"include:\n  - local: {GITLAB}\n"


def _github(checked: str, project: str) -> str:
    given = "" if checked == "." else f"\n        with:\n          path: {_scalar(checked)}"
    return f"""\
name: ambimigrate
on: pull_request
permissions:
  contents: read
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          fetch-depth: 0
          persist-credentials: false
      - uses: {project}@v{__version__}{given}
"""


def _gitlab(checked: str, url: str) -> str:
    return f"""\
ambimigrate:
  image: python:3.13
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  variables:
    GIT_DEPTH: "0"
    {VARIABLE}: {_scalar(url)}
  before_script:
    - git clone --quiet --depth 1 --branch v{__version__} "${VARIABLE}" /tmp/ambimigrate
    - python -m venv /tmp/venv
    - /tmp/venv/bin/pip install --quiet --require-hashes -r /tmp/ambimigrate/constraints.txt
    - /tmp/venv/bin/pip install --quiet --no-deps --no-build-isolation /tmp/ambimigrate
  script:
    - {_scalar(f"/tmp/venv/bin/ambimigrate gate {shlex.quote(checked)}")}
  artifacts:
    when: always
    reports:
      codequality: gl-code-quality-report.json
"""


def _scalar(text: str) -> str:
    """A text as a value in YAML."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
