"""Networks that look at pictures: perceptual features and the face finder.

Owns networks that other people trained and the catalogue carries; their files are read as data. Each takes
pictures as the generators give them, RGB in [-1, 1], whatever its trainers fed it with.
"""

from latentstudio.models.feature_networks.efficientnet_lite import EfficientNetLite0, load_efficientnet_lite0
from latentstudio.models.feature_networks.features import FeatureNetwork
from latentstudio.models.feature_networks.mtcnn import MTCNN, load_mtcnn
from latentstudio.models.feature_networks.squeezenet import SqueezeNet, load_squeezenet
from latentstudio.models.feature_networks.vgg16 import LpipsVGG16, load_vgg16_lpips

__all__ = [
    "MTCNN",
    "EfficientNetLite0",
    "FeatureNetwork",
    "LpipsVGG16",
    "SqueezeNet",
    "load_efficientnet_lite0",
    "load_mtcnn",
    "load_squeezenet",
    "load_vgg16_lpips",
]
