"""What people read beside the coordinates of z."""

from __future__ import annotations

# By position: the renderer that drew the training pictures takes one normal number for each.
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
