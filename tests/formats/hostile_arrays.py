"""Hostile arrays: NumPy arrays in pickles, torch tensors and the streams that hold them."""

from __future__ import annotations

import format_files as ff
from hostile_files import WEIGHT, add_all

# NumPy inside pickles

_DATA = ff.blob(WEIGHT.tobytes())
add_all(
    "numpy",
    {
        label: ff.program(steps)
        for label, steps in {
            "objects": ff.ndarray(_DATA, ff.sizes((6,)), ff.dtype("O8")),
            "objects in a list": ff.ndarray(b"]", ff.sizes((0,)), ff.dtype("f4")),
            "records": ff.ndarray(_DATA, ff.sizes((6,)), ff.dtype("V4")),
            "texts": ff.ndarray(_DATA, ff.sizes((6,)), ff.dtype("U1")),
            "dates": ff.ndarray(_DATA, ff.sizes((3,)), ff.dtype("M8")),
            "half of a half": ff.ndarray(_DATA, ff.sizes((6,)), ff.dtype("f1")),
            "too few bytes": ff.ndarray(_DATA, ff.sizes((7,))),
            "too many bytes": ff.ndarray(_DATA, ff.sizes((5,))),
            "negative shape": ff.ndarray(_DATA, ff.sizes((-1, -6))),
            "huge shape": ff.ndarray(_DATA, ff.sizes((1 << 61, 1 << 61))),
            "huge empty shape": ff.ndarray(ff.blob(b""), ff.sizes((0, 1 << 61, 1 << 61))),
            "forty axes": ff.ndarray(ff.blob(b"abcd"), ff.sizes((1,) * 40)),
            "shape of truth": ff.ndarray(_DATA, ff.many(b"\x88", b"K\x06")),
            "shape of floats": ff.ndarray(_DATA, ff.many(b"G@\x18\x00\x00\x00\x00\x00\x00")),
            "shape that is a list": ff.ndarray(_DATA, b"](K\x06e"),
            "named fields": ff.ndarray(
                _DATA,
                ff.sizes((6,)),
                ff.dtype(
                    "f4",
                    ff.many(
                        b"K\x03",
                        ff.short("<"),
                        b"N",
                        ff.many(ff.short("a")),
                        ff.mapping(a=b"N"),
                        b"K\x04K\x04K\x00",
                    ),
                ),
            ),
            "sub-array type": ff.ndarray(
                _DATA,
                ff.sizes((1,)),
                ff.dtype(
                    "f4",
                    ff.many(b"K\x03", ff.short("<"), ff.many(ff.sizes((6,)), b"N"), b"NNK\x04K\x04K\x00"),
                ),
            ),
            "another order": ff.ndarray(
                _DATA, ff.sizes((6,)), ff.dtype("f4", ff.many(b"K\x03", ff.short("!"), b"NNNK\x04K\x04K\x00"))
            ),
            "type of nothing": ff.ndarray(_DATA, ff.sizes((6,)), ff.short("f4")),
            "matrix": ff.ndarray(_DATA, ff.sizes((6,)), subtype=ff.name("numpy", "float32")),
            "array without content": ff.call(
                "numpy.core.multiarray",
                "_reconstruct",
                ff.name("numpy", "ndarray"),
                ff.many(b"K\x00"),
                b"C\x01b",
            ),
            "array of numbers for bytes": ff.ndarray(b"K\x06", ff.sizes((6,))),
            "scalar of many bytes": ff.call("numpy.core.multiarray", "scalar", ff.dtype(), _DATA),
            "scalar of objects": ff.call("numpy.core.multiarray", "scalar", ff.dtype("O8"), b"N"),
            "buffer in another order": ff.call(
                "numpy.core.numeric", "_frombuffer", _DATA, ff.dtype(), ff.sizes((6,)), ff.short("K")
            ),
            "buffer of a huge shape": ff.call(
                "numpy._core.numeric", "_frombuffer", _DATA, ff.dtype(), ff.sizes((1 << 60,)), ff.short("C")
            ),
            "bytes beyond Latin-1": ff.ndarray(
                ff.call("_codecs", "encode", ff.short("\u4e00"), ff.short("latin1")), ff.sizes((6,))
            ),
        }.items()
    },
)

# Tensors and storages


def _zip_with(steps: bytes, storages: dict[str, bytes] | None = None) -> bytes:
    return ff.zip_bytes(ff.torch_parts(ff.program(steps, protocol=2), storages))


_STORAGE = ff.storage_id("0", 6)
_ONE = ff.sizes((1,))
add_all(
    "torch",
    {
        label: _zip_with(steps)
        for label, steps in {
            "reaching out": ff.tensor(_STORAGE, ff.sizes((7,)), _ONE),
            "reaching out by offset": ff.tensor(_STORAGE, ff.sizes((6,)), _ONE, b"K\x01"),
            "reaching out by stride": ff.tensor(_STORAGE, ff.sizes((2, 3)), ff.sizes((4, 1))),
            "negative offset": ff.tensor(_STORAGE, ff.sizes((2,)), _ONE, ff.number(-1)),
            "negative stride": ff.tensor(_STORAGE, ff.sizes((2,)), ff.sizes((-1,)), b"K\x05"),
            "huge stride": ff.tensor(_STORAGE, ff.sizes((2,)), ff.sizes((1 << 62,))),
            "huge offset": ff.tensor(_STORAGE, ff.sizes((2,)), _ONE, ff.number(1 << 61)),
            "stride 0": ff.tensor(_STORAGE, ff.sizes((1 << 40,)), ff.sizes((0,))),
            "stride 0 in a corner": ff.tensor(_STORAGE, ff.sizes((1 << 20, 2)), ff.sizes((0, 1))),
            "truth as size": ff.tensor(_STORAGE, ff.many(b"\x88"), _ONE),
            "text as size": ff.tensor(_STORAGE, ff.many(ff.short("6")), _ONE),
            "two shapes one stride": ff.tensor(_STORAGE, ff.sizes((2, 3)), _ONE),
            "no storage": ff.tensor(b"N", ff.sizes((6,)), _ONE),
            "tensor as storage": ff.tensor(ff.plain_tensor(), ff.sizes((6,)), _ONE),
            "missing storage": ff.tensor(ff.storage_id("1", 6), ff.sizes((6,)), _ONE),
            "storage that climbs": ff.tensor(ff.storage_id("../data.pkl", 6), ff.sizes((6,)), _ONE),
            "storage that is smaller": ff.tensor(ff.storage_id("0", 1 << 40), ff.sizes((1 << 40,)), _ONE),
            "storage that is larger": ff.tensor(ff.storage_id("0", 2), ff.sizes((2,)), _ONE),
            "storage in two types": ff.tensor(_STORAGE, ff.sizes((6,)), _ONE)
            + ff.storage_id("0", 6, "DoubleStorage")
            + b"\x86",
            "storage of minus elements": ff.tensor(ff.storage_id("0", -6), ff.sizes((6,)), _ONE),
            "quantised storage": ff.storage_id("0", 24, "QInt8Storage"),
            "storage of another module": ff.storage_id("0", 6, "Namespace", module="argparse"),
            "persistent text": ff.short("0") + b"Q",
            "persistent module of a text": ff.many(ff.short("module"), ff.short("os"), b"N", b"N") + b"Q",
            "tensor of hidden flags": ff.tensor(
                _STORAGE, ff.sizes((6,)), _ONE, extra=ff.mapping(conj=b"\x88")
            ),
            "tensor of type 8 bit": ff.tensor(
                _STORAGE,
                ff.sizes((6,)),
                _ONE,
                function="_rebuild_tensor_v3",
                extra=ff.name("torch", "Tensor"),
            ),
            "tensor by another function": ff.call(
                "torch._tensor",
                "_rebuild_from_type_v2",
                ff.name("builtins", "set"),
                ff.name("torch", "Tensor"),
                b")",
                b"N",
            ),
            "parameter of nothing": ff.call("torch._utils", "_rebuild_parameter", b"N", b"\x88", b"}"),
            "size of a text": ff.call("torch", "Size", ff.short("abc")),
            "nested in a zip": ff.nested_storage(WEIGHT) + ff.short("x") + b"Q\x86",
        }.items()
    },
    "pt",
)
_NESTED = ff.legacy_stream(ff.program(ff.nested_storage(WEIGHT)), {})
add_all("stream", {
    "in a stream": ff.legacy_stream(
        ff.program(ff.call("torch.storage", "_load_from_bytes", ff.blob(_NESTED))), {}),
    "of a dict": ff.program(
        ff.call("torch.storage", "_load_from_bytes", ff.blob(ff.legacy_stream(ff.program(b"}"), {})))),
})  # fmt: skip
_LEGACY = ff.program(ff.plain_tensor(legacy=True), protocol=2)
add_all(
    "legacy",
    {
        "claims 2^60 elements": ff.legacy_stream(
            ff.program(ff.tensor(ff.storage_id("0", 1 << 57, legacy=True), ff.sizes((1 << 57,)), _ONE)),
            {"0": b""},
            counts={"0": 1 << 57},
        ),
        "counts differently": ff.legacy_stream(_LEGACY, {"0": WEIGHT.tobytes()}, counts={"0": 5}),
        "goes on": ff.legacy_stream(_LEGACY, {"0": WEIGHT.tobytes()}, after=b"more"),
        "is cut short": ff.legacy_stream(_LEGACY, {"0": WEIGHT.tobytes()[:-4]}, counts={"0": 6}),
        "lists an unknown key": ff.legacy_stream(_LEGACY, {"0": WEIGHT.tobytes()}, keys=["0", "1"]),
        "lists a key twice": ff.legacy_stream(_LEGACY, {"0": WEIGHT.tobytes()}, keys=["0", "0"]),
        "lists no key": ff.legacy_stream(_LEGACY, {"0": WEIGHT.tobytes()}, keys=[]),
        "is big-endian": ff.legacy_stream(_LEGACY, {"0": WEIGHT.tobytes()}, little_endian=False),
        "has another version": ff.legacy_stream(_LEGACY, {"0": WEIGHT.tobytes()}, version=1000),
        "has one storage twice": ff.legacy_stream(
            ff.program(ff.storage_id("0", 6, legacy=True), ff.storage_id("0", 3, legacy=True), b"\x86"),
            {"0": WEIGHT.tobytes()},
        ),
        "shares storages": ff.legacy_stream(
            ff.program(
                ff.many(
                    ff.short("storage"),
                    ff.name("torch", "FloatStorage"),
                    ff.short("0"),
                    ff.short("cpu"),
                    b"K\x06",
                    ff.many(ff.short("1"), b"K\x00", b"K\x06"),
                ),
                b"Q",
            ),
            {"0": WEIGHT.tobytes()},
        ),
    },
    "pth",
)
