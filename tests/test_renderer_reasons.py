"""Why a renderer failed is told alike wherever the tree lies, since the gate compares it with what the base says elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambimigrate.sources import renderers

BROKEN = {
    "missing.yaml": "resources: [none.yaml]\n",
    "above.yaml": "resources: [../none.yaml]\n",
    "text.yaml": "patches: [one.yaml]\n",
    "root.yaml": "resources: [../../outside/none.yaml]\n",
}


@pytest.mark.skipif(renderers.find() is None, reason="neither kustomize nor kubectl is at hand")
@pytest.mark.parametrize("text", BROKEN.values(), ids=list(BROKEN))
def test_the_reason_does_not_tell_where_the_tree_lies(text: str, tmp_path: Path) -> None:
    found = []
    for place in (tmp_path / "a" / "tree", tmp_path / "a-much-longer-name" / "below" / "it" / "tree"):
        folder = place / "apps" / "shop"
        folder.mkdir(parents=True)
        (folder / "kustomization.yaml").write_text(text)
        renderer = renderers.find()
        assert renderer is not None
        found.append(renderer.build(folder))
    first, second = found
    assert isinstance(first, renderers.Failed)
    assert first == second
    assert str(tmp_path) not in first.reason
