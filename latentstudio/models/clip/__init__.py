"""CLIP, from a file that a person has on disk: pictures and sentences as arrows that can be compared.

Owns the network, its words, and the reading of both. Nothing of it is downloaded, and nothing in a file
is run. Any thread; one at a time per network.

Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
sections 2.3 and 2.4.
"""

from latentstudio.models.clip.network import Clip
from latentstudio.models.clip.reading import load_clip

__all__ = ["Clip", "load_clip"]
