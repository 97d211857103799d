"""Small files of every format, written by hand so that each byte of them can be bent.

Owns the builders that the tests of this folder share; reads nothing.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

F32 = np.dtype("<f4")


def short(text: str) -> bytes:
    """The step that pushes a short text."""
    data = text.encode()
    return b"\x8c" + bytes([len(data)]) + data


def blob(data: bytes) -> bytes:
    """The step that pushes bytes."""
    return b"B" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    """The step that pushes an integer of any size."""
    data = value.to_bytes(9, "little", signed=True) if abs(value) < 1 << 70 else value.to_bytes(40, "little")
    return b"\x8a" + bytes([len(data)]) + data


def name(module: str, attribute: str) -> bytes:
    """The step that asks for a name."""
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


def many(*steps: bytes) -> bytes:
    """Steps gathered into a tuple."""
    return b"(" + b"".join(steps) + b"t"


def call(module: str, attribute: str, *args: bytes) -> bytes:
    """The steps that call a name with arguments."""
    return name(module, attribute) + many(*args) + b"R"


def program(*steps: bytes, protocol: int = 4) -> bytes:
    """A whole pickle."""
    return b"\x80" + bytes([protocol]) + b"".join(steps) + b"."


def sizes(values: Sequence[int]) -> bytes:
    """A tuple of integers."""
    return many(*(number(value) for value in values))


# torch


def legacy_stream(
    root: bytes,
    storages: Mapping[str, bytes],
    *,
    counts: Mapping[str, int] | None = None,
    keys: Sequence[str] | None = None,
    little_endian: bool = True,
    version: int = 1001,
    item_size: int = 4,
    after: bytes = b"",
) -> bytes:
    """A file of torch before release 1.6; `root` is a whole pickle."""
    system = {"protocol_version": version, "little_endian": little_endian, "type_sizes": {"int": 4}}
    head = [0x1950A86A20F9469CFC6C, version, system]
    parts = [pickle.dumps(value, 2) for value in head] + [root]
    listed = list(storages) if keys is None else list(keys)
    parts.append(pickle.dumps(listed, 2))
    for key in storages:
        count = (counts or {}).get(key, len(storages[key]) // item_size)
        parts.append(struct.pack("<q", count) + storages[key])
    return b"".join(parts) + after


def storage_id(
    key: str, count: int, kind: str = "FloatStorage", *, legacy: bool = False, module: str = "torch"
) -> bytes:
    """The steps that refer to a storage."""
    parts = [short("storage"), name(module, kind), short(key), short("cpu"), number(count)]
    return many(*parts, *([b"N"] if legacy else [])) + b"Q"


def tensor(
    storage: bytes,
    shape: bytes,
    strides: bytes,
    offset: bytes = b"K\x00",
    hooks: bytes = b"}",
    function: str = "_rebuild_tensor_v2",
    extra: bytes = b"",
) -> bytes:
    """The steps that rebuild a tensor."""
    return call("torch._utils", function, storage, offset, shape, strides, b"\x89", hooks, extra)


def nested_storage(values: npt.NDArray[np.float32]) -> bytes:
    """The steps of a storage as NVIDIA's pickles hold it: a torch stream in bytes."""
    stream = legacy_stream(
        program(storage_id("0", values.size, legacy=True), protocol=2), {"0": values.tobytes("A")}
    )
    return call("torch.storage", "_load_from_bytes", blob(stream))


def nvidia_tensor(values: npt.NDArray[np.float32]) -> bytes:
    """The steps of a tensor inside an NVIDIA pickle."""
    strides = [stride // 4 for stride in values.strides]
    return tensor(nested_storage(values), sizes(values.shape), sizes(strides))


def persistent_object(
    class_name: str, state: bytes, source: str = "# omitted", kind: bytes = b"\x8c\x05class"
) -> bytes:
    """The steps of an NVIDIA persistent object; `state` pushes its dict."""
    meta = (
        b"}("
        + short("type") + kind
        + short("version") + b"K\x06"
        + short("module_src") + b"X" + struct.pack("<I", len(source)) + source.encode()
        + short("class_name") + short(class_name)
        + short("state") + state
        + b"u"
    )  # fmt: skip
    return call("torch_utils.persistence", "_reconstruct_persistent_obj", meta)


def mapping(**items: bytes) -> bytes:
    """The steps of a dict."""
    return b"}(" + b"".join(short(key) + value for key, value in items.items()) + b"u"


def nvidia_pickle(weight: npt.NDArray[np.float32], source: str = "# omitted") -> bytes:
    """A persistent Generator with a child that has one weight, one absent and one present buffer."""
    child = persistent_object(
        "Layer",
        mapping(
            training=b"\x89",
            _parameters=mapping(
                weight=call("torch._utils", "_rebuild_parameter", nvidia_tensor(weight), b"\x88", b"}")
            ),
            _buffers=mapping(absent=b"N", scale=nvidia_tensor(np.array([2.0], np.float32))),
            _modules=b"}",
            up=b"K\x02",
            _backward_hooks=b"}",
        ),
        source,
    )
    generator = persistent_object(
        "Generator",
        mapping(
            _parameters=b"}",
            _buffers=b"}",
            _modules=mapping(layer=child),
            z_dim=b"K\x08",
            _init_args=b")",
            _init_kwargs=name("dnnlib.util", "EasyDict") + b")\x81(" + short("z_dim") + b"K\x08u",
        ),
        source,
    )
    return program(b"}(", short("G"), b"N", short("G_ema"), generator, b"u")


@dataclass(frozen=True)
class Part:
    """One member of a zip archive and every lie that it may tell."""

    name: bytes
    data: bytes
    method: int = 0
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    packed: int | None = None
    local_name: bytes | None = None
    local_crc: int | None = None
    offset: int | None = None
    extra: bytes = b""

    def bent(self, **changes: int | bytes | None) -> Part:
        """A copy with other fields."""
        return replace(self, **changes)  # type: ignore[arg-type]


def deflated(name: bytes, data: bytes) -> Part:
    """A compressed member."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    return Part(name, packed, method=8, crc=zlib.crc32(data), size=len(data))


def zip_bytes(
    parts: Sequence[Part], *, before: bytes = b"", after: bytes = b"", count: int | None = None
) -> bytes:
    """A zip archive."""
    file, directory = io.BytesIO(), io.BytesIO()
    file.write(before)
    for part in parts:
        offset = file.tell() if part.offset is None else part.offset
        crc = zlib.crc32(part.data) if part.crc is None else part.crc
        size = len(part.data) if part.size is None else part.size
        packed = len(part.data) if part.packed is None else part.packed
        local = part.name if part.local_name is None else part.local_name
        local_crc = crc if part.local_crc is None else part.local_crc
        file.write(
            struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, part.flags, part.method, 0, 0, local_crc, packed,
                        size, len(local), 0) + local + part.data
        )  # fmt: skip
        directory.write(
            struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, part.flags, part.method, 0, 0, crc, packed,
                        size, len(part.name), len(part.extra), 0, 0, 0, 0, offset) + part.name + part.extra
        )  # fmt: skip
    start, listed = file.tell(), directory.getvalue()
    number_of = len(parts) if count is None else count
    file.write(listed)
    file.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, number_of, number_of, len(listed), start, 0))
    return file.getvalue() + after


def torch_parts(
    root: bytes | None = None,
    storages: Mapping[str, bytes] | None = None,
    *,
    top: str = "archive",
    byteorder: bytes = b"little",
) -> list[Part]:
    """The members of a torch file; by default a state dict of one 2 x 3 weight."""
    if root is None:
        root = program(b"}(", short("weight"), plain_tensor(), b"u", protocol=2)
    if storages is None:
        storages = {"0": np.arange(6, dtype=F32).tobytes()}
    parts = [Part(f"{top}/data.pkl".encode(), root), Part(f"{top}/byteorder".encode(), byteorder)]
    parts += [Part(f"{top}/data/{key}".encode(), data) for key, data in storages.items()]
    return [*parts, Part(f"{top}/version".encode(), b"3\n")]


def plain_tensor(key: str = "0", count: int = 6, *, legacy: bool = False) -> bytes:
    """The steps of a 2 x 3 tensor."""
    return tensor(storage_id(key, count, legacy=legacy), sizes((2, 3)), sizes((3, 1)))


# NumPy


def dtype(code: str = "f4", state: bytes | None = None) -> bytes:
    """The steps of a NumPy dtype."""
    filled = many(b"K\x03", short("<"), b"NNN", number(-1), number(-1), b"K\x00") if state is None else state
    return call("numpy", "dtype", short(code), b"\x89\x88") + filled + b"b"


def ndarray(
    data: bytes,
    shape: bytes,
    kind: bytes | None = None,
    *,
    subtype: bytes | None = None,
    fortran: bool = False,
) -> bytes:
    """The steps of a NumPy array; `data` and `shape` are steps."""
    made = call(
        "numpy.core.multiarray",
        "_reconstruct",
        subtype or name("numpy", "ndarray"),
        many(b"K\x00"),
        b"C\x01b",
    )
    return made + many(b"K\x01", shape, kind or dtype(), b"\x88" if fortran else b"\x89", data) + b"b"


def npy(header: str, data: bytes, *, length: int | None = None, version: int = 1) -> bytes:
    """A .npy file with any header."""
    text = header.encode("latin-1")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return (
        b"\x93NUMPY"
        + bytes([version, 0])
        + struct.pack("<H", len(text) if length is None else length)
        + text
        + data
    )


# TensorFlow


def tf_network(
    label: str, variables: Mapping[str, bytes], components: Mapping[str, bytes] | None = None
) -> bytes:
    """The steps of a recorded network; the variables are steps too."""
    state = mapping(
        version=b"K\x04",
        name=short(label),
        static_kwargs=mapping(resolution=b"K\x08"),
        components=mapping(**(components or {})),
        build_module_src=short("# omitted"),
        build_func_name=short("G_main"),
        variables=b"](" + b"".join(many(short(key), value) for key, value in variables.items()) + b"e",
    )
    return name("dnnlib.tflib.network", "Network") + b")\x81" + state + b"b"


def tf_pickle() -> bytes:
    """Three networks, as StyleGAN2 wrote them."""
    weight = ndarray(blob(np.arange(6, dtype=F32).tobytes()), sizes((2, 3)))
    lod = call("numpy.core.multiarray", "scalar", dtype(), blob(np.float32(0.5).tobytes()))
    part = tf_network("mapping", {"Dense0/weight": weight})
    return program(many(*(tf_network(n, {"lod": lod}, {"mapping": part}) for n in ("G", "D", "Gs"))))


# safetensors and OpenVINO


def safetensors(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file with any header, given as JSON text or as a value."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(shape: Sequence[object], start: int, stop: int, kind: str = "F32") -> dict[str, object]:
    """An entry of a safetensors header."""
    return {"dtype": kind, "shape": list(shape), "data_offsets": [start, stop]}


def ir_xml(
    net: str = "MappingNetwork",
    *,
    before: str = '<?xml version="1.0"?>',
    const: str = 'element_type="f32" shape="2, 3" offset="0" size="24"',
    edge: str = 'from-layer="0" from-port="0" to-layer="1" to-port="0"',
    const_name: str = "m.weight",
    extra: str = "",
) -> str:
    """The XML of a graph with one constant and one result."""
    port = "<port id='0'><dim>2</dim><dim>3</dim></port>"
    return (
        f'{before}<net name="{net}" version="10"><layers>'
        f'<layer id="0" name="{const_name}" type="Const" version="opset1"><data {const}/>'
        f"<output>{port}</output></layer>"
        f'<layer id="1" name="out" type="Result" version="opset1"><input>{port}</input></layer>'
        f"{extra}</layers><edges><edge {edge}/></edges></net>"
    )
