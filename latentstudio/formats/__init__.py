"""From a stranger's bytes to named arrays, without running anything.

Owns every file format that LatentStudio reads and its own safetensors files; NumPy only. A pickle
is followed by a machine that knows a short list of names and records everything else as inert;
every size is compared with the file before memory is taken. Safe on any thread.
"""

from latentstudio.formats.contents import Contents, read_checkpoint, walk_arrays
from latentstudio.formats.numpy_files import read_numpy
from latentstudio.formats.nvidia import PersistentObject, flatten_module, persistent, state_dict
from latentstudio.formats.openvino_ir import IR, IREdge, IRLayer
from latentstudio.formats.safetensors_file import write_safetensors
from latentstudio.formats.source import file_sha256
from latentstudio.formats.tensorflow_pickle import TFNetwork, tf_network
from latentstudio.formats.values import Inert, StoredArray

__all__ = [
    "IR",
    "Contents",
    "IREdge",
    "IRLayer",
    "Inert",
    "PersistentObject",
    "StoredArray",
    "TFNetwork",
    "file_sha256",
    "flatten_module",
    "persistent",
    "read_checkpoint",
    "read_numpy",
    "state_dict",
    "tf_network",
    "walk_arrays",
    "write_safetensors",
]
