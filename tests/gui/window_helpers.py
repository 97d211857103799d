"""What several tests of the window share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from latentstudio.gui.main_window import MainWindow
from latentstudio.models.architectures.stylegan2_compact import build, compact_config
from latentstudio.models.generator import Provenance
from latentstudio.models.spec import NetworkSpec, write_spec

# Long enough for a machine that is busy with other things; nothing ever waits this long for nothing.
WAIT_MS = 15_000

OpenWindow = Callable[[Path | None], MainWindow]


def write_model(path: Path, channels: list[int], *, z_names: tuple[str, ...] = ("Turn", "Light")) -> Path:
    """A random network in the own format."""
    torch.manual_seed(0)
    config = compact_config(channels, z_dim=8, w_dim=8, mapping_layers=2)
    network = build(config)
    with torch.no_grad():
        for name, values in network.named_parameters():
            if name.endswith(("torgb.weight", "const")):
                values.mul_(2)
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    provenance = Provenance(title=path.stem, licence="CC0", origin=path.name, z_names=z_names)
    write_spec(path, NetworkSpec("stylegan2-compact", config, arrays, provenance))
    return path


# The program as a person starts it; it tells what happens on its standard output.
PROGRAM = """
import hashlib, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from latentstudio.gui import app, main_window

class Telling(main_window.MainWindow):
    def start(self, paths=None):
        super().start(paths)
        self.timer = QTimer(self, interval=50)
        self.timer.timeout.connect(self.tell)
        self.timer.start()
        self.seen = None

    def tell(self):
        binding, document = self.studio.binding, self.studio.document
        if not binding.is_current or document.is_merging:
            return
        digest = hashlib.sha256(binding.picture.pixels.tobytes()).hexdigest()
        if digest == self.seen:
            return
        if self.seen is None:
            slider = self.inspector.panels["directions"].rows[0].slider
            point = slider.mapToGlobal(slider.position_of(0).toPoint())
            print("slider", point.x(), point.y(), flush=True)
        self.seen = digest
        print("picture", digest, flush=True)
        print("undo", document.undo_label or "nothing", flush=True)

main_window.MainWindow = Telling
sys.exit(app.run(sys.argv[1:]))
"""
