"""What people read beside factors and the coordinates of z.

Owns the words; the order is that of the renderer's latents. Any thread.
"""

from __future__ import annotations

from latentstudio.clay.factors import LATENT_NAMES

Z_NAMES = (
    "Head width", "Jaw width", "Chin length", "Cheeks", "Ear size", "Neck width",
    "Eye distance", "Eye size", "Eye slant", "Eye opening", "Gaze sideways", "Gaze height", "Eye colour",
    "Brow height", "Brow arch", "Brow mood", "Brow thickness",
    "Nose length", "Nose width", "Nose tip", "Mouth width", "Lip fullness", "Smile", "Mouth opening",
    "Skin", "Skin warmth", "Blush", "Lip colour", "Lashes",
    "Baldness", "Hair length", "Hair volume", "Curls", "Hairline", "Parting", "Bun",
    "Hair colour", "Red hair", "Grey hair", "Beard", "Moustache", "Stubble",
    "Glasses", "Glasses size", "Glasses shape", "Glasses colour",
    "Clothes hue", "Clothes colourfulness", "Clothes brightness",
    "Turn", "Nod", "Tilt",
    "Light side", "Light height", "Soft light", "Light warmth",
    "Background", "Background colourfulness", "Background brightness", "Background slope",
    "Haircut", "Masculine", "Fullness", "Age",
)  # fmt: skip

# By the factor's (or hidden coordinate's) name in code.
WORDS = dict(zip(LATENT_NAMES, Z_NAMES, strict=True))
