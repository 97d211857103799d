"""Colours, type and the style sheet, in dark and light.

Owns the design tokens and their way into the application's palette and style sheet; knows no
widget. GUI thread.
"""

from __future__ import annotations

import string
from dataclasses import asdict, dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from latentstudio.settings import resource_dir

BODY_PX = 13


@dataclass(frozen=True)
class Tokens:
    """The colours of one appearance, as #rrggbb.

    Attributes:
        ground: behind the picture, the darkest (or quietest) surface.
        panel: panels and bars.
        raised: buttons, fields, cards.
        hover: a raised thing under the pointer.
        line: borders and tracks.
        text: body text.
        muted: captions and second lines.
        accent: what the hand changes.
        on_accent: text on the accent.
        second: a second source, links.
        ok: exact.
        danger: what failed.
        knob: the handle of a slider.
        shadow: the picture's shadow.
    """

    ground: str
    panel: str
    raised: str
    hover: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    second: str
    ok: str
    danger: str
    knob: str
    shadow: str

    def color(self, name: str, alpha: float = 1.0) -> QColor:
        """A token as a colour, with an opacity from 0 to 1."""
        color = QColor(getattr(self, name))
        color.setAlphaF(alpha)
        return color


DARK = Tokens(
    ground="#15171a",
    panel="#1b1e22",
    raised="#23272c",
    hover="#2a2f35",
    line="#2d3238",
    text="#e7e9ec",
    muted="#98a0aa",
    accent="#f0a35e",
    on_accent="#1b1206",
    second="#6fb1ff",
    ok="#66c28f",
    danger="#ef7d74",
    knob="#eef0f2",
    shadow="#000000",
)
LIGHT = Tokens(
    ground="#eceef0",
    panel="#f8f9fa",
    raised="#ffffff",
    hover="#f1f3f5",
    line="#d9dde1",
    text="#1c2024",
    muted="#66707a",
    accent="#c4671a",
    on_accent="#ffffff",
    second="#1f6fd6",
    ok="#2c8a58",
    danger="#c03d33",
    knob="#1c2024",
    shadow="#4a5560",
)

_current = DARK


def tokens() -> Tokens:
    """The tokens in force; read anew in each paint event."""
    return _current


def is_dark() -> bool:
    """Whether the dark appearance is in force."""
    return _current is DARK


def apply_theme(app: QApplication, choice: str) -> None:
    """Give the whole application an appearance.

    Args:
        app: the application.
        choice: "system", "dark" or "light" (`Settings.theme`).
    """
    global _current
    hints = QGuiApplication.styleHints()
    schemes = {"dark": Qt.ColorScheme.Dark, "light": Qt.ColorScheme.Light}
    hints.setColorScheme(schemes.get(choice, Qt.ColorScheme.Unknown))
    scheme = schemes.get(choice, hints.colorScheme())
    # A system that does not say gets the dark room: it is the kinder one to pictures.
    _current = LIGHT if scheme == Qt.ColorScheme.Light else DARK
    app.setStyle(QStyleFactory.create("Fusion"))
    app.setFont(_font())
    app.setPalette(_palette(_current))
    template = (resource_dir("assets") / "style.qss").read_text(encoding="utf-8")
    icons = (resource_dir("assets") / "icons").as_posix()
    app.setStyleSheet(string.Template(template).substitute(asdict(_current), icons=icons))


def figures(font: QFont) -> QFont:
    """The same font with figures of one width, so that changing numbers stand still."""
    fixed = QFont(font)
    fixed.setFeature(QFont.Tag("tnum"), 1)
    return fixed


def _font() -> QFont:
    families = QFontDatabase.families()
    font = QFont("Inter") if "Inter" in families else QApplication.font()
    font.setPixelSize(BODY_PX)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def _palette(t: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for key, name in (
        (role.Window, "panel"),
        (role.WindowText, "text"),
        (role.Base, "raised"),
        (role.AlternateBase, "panel"),
        (role.Text, "text"),
        (role.Button, "raised"),
        (role.ButtonText, "text"),
        (role.ToolTipBase, "raised"),
        (role.ToolTipText, "text"),
        (role.PlaceholderText, "muted"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "on_accent"),
        (role.Accent, "accent"),
        (role.Link, "second"),
        (role.Light, "raised"),
        (role.Midlight, "hover"),
        (role.Mid, "line"),
        (role.Dark, "line"),
    ):
        palette.setColor(key, t.color(name))
    for key in (role.Text, role.ButtonText, role.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, t.color("muted", 0.6))
    return palette
