"""What a CI server says about a pull request in its environment: which commit or branch it is to be merged into."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Target(Struct, frozen=True):
    """What a pull request is compared with: references to try, the variable that names it, and what it says.

    `is_merge_base` says that the reference is the merge base itself.
    """

    references: tuple[str, ...]
    variable: str
    value: str
    is_merge_base: bool = False


def target(environment: Mapping[str, str]) -> Target | None:
    """The target of the pull request that this run is for, None if it is for none.

    GitHub sets GITHUB_BASE_REF on events of pull requests only; a checkout of the merge commit that is two commits deep has
    the target as its first parent. GitLab sets CI_MERGE_REQUEST_* in merge request pipelines only.
    """
    if branch := environment.get("GITHUB_BASE_REF", ""):
        merged = environment.get("GITHUB_REF", "").startswith("refs/pull/") and environment["GITHUB_REF"].endswith("/merge")
        return Target((f"origin/{branch}", *(("HEAD^1",) if merged else ())), "GITHUB_BASE_REF", branch)
    if commit := environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""):
        return Target((commit,), "CI_MERGE_REQUEST_DIFF_BASE_SHA", commit, True)
    if branch := environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""):
        return Target((f"origin/{branch}",), "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", branch)
    return None


def server(environment: Mapping[str, str]) -> str:
    """github, gitlab, or empty."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "gitlab" if environment.get("GITLAB_CI") == "true" else ""
