"""Browse, open on a small real review, its window in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lineage_triplets.plugin.browse.panel import BrowsePanel
from reviews import write_config

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.plugin.common.session import Session


@pytest.fixture(scope="module")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config"))


@pytest.fixture
def tall_panel(session: Session, small_config: Path, tmp_path: Path, qtbot: Any) -> BrowsePanel:
    """Browse with room for a tree."""
    made = BrowsePanel(session)
    qtbot.addWidget(made)
    made.resize(460, 900)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    session.open(small_config, by="tester", decisions=tmp_path / "decisions.db")
    return made
