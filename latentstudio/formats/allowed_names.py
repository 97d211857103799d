"""The names that a pickle may mention: the whole of what a file can ask for.

Owns one table of exact (module, name) pairs and what each may be used for; imports none of them.
A name that is not here is refused, however harmless it sounds: there are no prefixes, no
wildcards, no dots. Safe on any thread.
"""

from __future__ import annotations

from enum import Enum, auto


class Role(Enum):
    """What a pickle may do with a name."""

    MENTION = auto()  # only be referred to: a type, a dtype, a plain function kept as an attribute
    CALL = auto()  # be called: the tree decoder knows what comes out
    OBJECT = auto()  # be made and filled with a dict of attributes: recorded as inert
    MAPPING = auto()  # be made and given keys: read as a dict


def _names(role: Role, table: dict[str, str]) -> dict[tuple[str, str], Role]:
    return {(module, name): role for module, names in table.items() for name in names.split()}


_BUILTINS = "set frozenset bytearray bytes complex list dict tuple"

_CALLED = {
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,
    "_codecs": "encode",
    "copyreg": "_reconstructor",
    "copy_reg": "_reconstructor",
    "numpy": "dtype",
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy.core.numeric": "_frombuffer",
    "numpy._core.numeric": "_frombuffer",
    "torch": "Size",
    "torch._utils": (
        "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter"
        " _rebuild_parameter_with_state"
    ),
    "torch._tensor": "_rebuild_from_type_v2",
    "torch.storage": "_load_from_bytes",
    "torch_utils.persistence": "_reconstruct_persistent_obj",
}

_MAPPINGS = {
    "collections": "OrderedDict defaultdict Counter",
    "dnnlib": "EasyDict",
    "dnnlib.util": "EasyDict",
    "easydict": "EasyDict",
    "pytorch_lightning.utilities.parsing": "AttributeDict",
    "lightning_fabric.utilities.data": "AttributeDict",
    "lightning.fabric.utilities.data": "AttributeDict",
    "yacs.config": "CfgNode",
}

_OBJECTS = {
    "builtins": "range slice",
    "__builtin__": "xrange slice",
    "uuid": "UUID",
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "models.utils.config": "BaseConfig",
    "dnnlib.tflib.network": "Network",
    "tfutil": "Network",
    "collections": "deque",
    "datetime": "datetime date time timedelta",
    "pathlib": ("Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"),
    "pathlib._local": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    "omegaconf.base": "ContainerMetadata Metadata",
    "omegaconf.dictconfig": "DictConfig",
    "omegaconf.listconfig": "ListConfig",
    "omegaconf.nodes": "AnyNode BooleanNode FloatNode IntegerNode StringNode",
    "torch": "device",
    "torch.torch_version": "TorchVersion",
    # Plain layers, for files that hold a whole module instead of its state dict.
    "torch.nn.modules.activation": (
        "CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax"
        " Mish MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin"
        " Softplus Softshrink Softsign Tanh Tanhshrink Threshold"
    ),
    "torch.nn.modules.batchnorm": "BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm",
    "torch.nn.modules.channelshuffle": "ChannelShuffle",
    "torch.nn.modules.container": "ModuleDict ModuleList ParameterDict ParameterList Sequential",
    "torch.nn.modules.conv": ("Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d"),
    "torch.nn.modules.dropout": "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout",
    "torch.nn.modules.flatten": "Flatten Unflatten",
    "torch.nn.modules.fold": "Fold Unfold",
    "torch.nn.modules.instancenorm": "InstanceNorm1d InstanceNorm2d InstanceNorm3d",
    "torch.nn.modules.linear": "Bilinear Identity Linear NonDynamicallyQuantizableLinear",
    "torch.nn.modules.loss": (
        "BCELoss BCEWithLogitsLoss CrossEntropyLoss HuberLoss KLDivLoss L1Loss MSELoss NLLLoss SmoothL1Loss"
    ),
    "torch.nn.modules.module": "Module _WrappedHook",
    "torch.nn.modules.normalization": "CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm",
    "torch.nn.modules.padding": (
        "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d"
        " ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d"
        " ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d"
    ),
    "torch.nn.modules.pixelshuffle": "PixelShuffle PixelUnshuffle",
    "torch.nn.modules.pooling": (
        "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d"
        " AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d MaxPool1d MaxPool2d MaxPool3d"
    ),
    "torch.nn.modules.rnn": "GRU GRUCell LSTM LSTMCell RNN RNNCell",
    "torch.nn.modules.sparse": "Embedding EmbeddingBag",
    "torch.nn.modules.upsampling": "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
    "torch.optim.swa_utils": "AveragedModel",
    "torch.nn.parallel.data_parallel": "DataParallel",
    "torch.nn.parallel.distributed": "DistributedDataParallel",
    "torch.nn.utils.spectral_norm": "SpectralNorm SpectralNormLoadStateDictPreHook SpectralNormStateDictHook",
    "torch.nn.utils.weight_norm": "WeightNorm",
}

_STORAGES = (
    "FloatStorage DoubleStorage HalfStorage BFloat16Storage ByteStorage CharStorage ShortStorage"
    " IntStorage LongStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage"
)
_DTYPES = (
    "float32 float64 float16 bfloat16 uint8 int8 int16 int32 int64 bool complex64 complex128"
    " uint16 uint32 uint64 strided contiguous_format channels_last preserve_format"
)

_MENTIONED = {
    "builtins": "object int float str bool type",
    "__builtin__": "object int float str bool type long unicode",
    "numpy": ("ndarray bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64"),
    "pytorch_lightning.callbacks.model_checkpoint": "ModelCheckpoint",
    "pytorch_lightning.callbacks.early_stopping": "EarlyStopping",
    "torch": f"Tensor {_STORAGES} {_DTYPES}",
    "torch.nn.functional": (
        "relu leaky_relu elu gelu silu softplus interpolate upsample avg_pool2d max_pool2d normalize"
    ),
    "torch.nn.parameter": "Parameter Buffer",
    "torch.storage": "UntypedStorage TypedStorage _UntypedStorage _TypedStorage",
    "torch._C._nn": "gelu",
    "typing": "Any",
}

ALLOWED: dict[tuple[str, str], Role] = {
    **_names(Role.CALL, _CALLED),
    **_names(Role.MAPPING, _MAPPINGS),
    **_names(Role.OBJECT, _OBJECTS),
    **_names(Role.MENTION, _MENTIONED),
}

# Element type of each storage class; UntypedStorage counts bytes.
STORAGE_ELEMENTS = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}
