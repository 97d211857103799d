"""The program's own line icons, drawn in any colour.

Owns the way from an SVG in assets/icons to a QIcon; the colour comes from the caller. GUI thread.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from latentstudio.gui.theme import tokens
from latentstudio.settings import resource_dir


@lru_cache(maxsize=256)
def pixmap(name: str, color: str, size_px: int = 18, ratio: float = 1.0) -> QPixmap:
    """An icon as a picture of `size_px` logical pixels."""
    source = (resource_dir("assets") / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    side = round(size_px * ratio)
    picture = QPixmap(side, side)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    data = QByteArray(source.replace("currentColor", color).encode())
    QSvgRenderer(data).render(painter, QRectF(0, 0, side, side))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def icon(name: str, token: str = "text", active_token: str | None = None) -> QIcon:
    """An icon in a token's colour; a checked button shows it in `active_token`."""
    result = QIcon()
    now = tokens()
    for ratio in (1.0, 2.0, 3.0):
        result.addPixmap(pixmap(name, getattr(now, token), 18, ratio))
        result.addPixmap(pixmap(name, now.line, 18, ratio), QIcon.Mode.Disabled)
        if active_token is not None:
            checked = pixmap(name, getattr(now, active_token), 18, ratio)
            result.addPixmap(checked, QIcon.Mode.Normal, QIcon.State.On)
    return result


def app_icon() -> QIcon:
    """The program's icon."""
    return QIcon(str(resource_dir("assets") / "icons" / "app.svg"))
