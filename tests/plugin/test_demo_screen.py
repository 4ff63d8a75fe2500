"""The screen that the demo pretends where there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lineage_triplets.plugin.common.remembered import SETTINGS, Remembered
from lineage_triplets.plugin.demo.__main__ import can_pretend, has_screen, virtual_screen

needs_xvfb = pytest.mark.skipif(not can_pretend(), reason="no Xvfb here")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_a_screen_is_where_the_environment_says(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not has_screen()
    monkeypatch.setenv("DISPLAY", ":7")
    assert has_screen()


def test_what_the_widget_remembers_can_be_kept_apart(own_settings, monkeypatch, tmp_path):
    Remembered().panel = "Links"
    monkeypatch.setenv(SETTINGS, str(tmp_path / "widget.ini"))
    assert Remembered().panel == ""
    Remembered().panel = "Board"
    assert (tmp_path / "widget.ini").is_file()
    assert Remembered().panel == "Board"
    monkeypatch.delenv(SETTINGS)
    assert Remembered().panel == "Links"


@needs_xvfb
def test_windows_open_on_the_virtual_screen_while_it_is_there(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":none")
    program = (
        "from qtpy.QtWidgets import QApplication, QWidget\n"
        "app = QApplication([]); window = QWidget(); window.show(); app.processEvents()\n"
        "print(app.platformName(), window.screen().size().width())\n"
    )
    with virtual_screen():
        said = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "QT_QPA_PLATFORM": "xcb"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert said.stdout.split() == ["xcb", "1920"]
    assert os.environ["DISPLAY"] == ":none"
