"""Hostile containers: archives, safetensors, graphs, networks, and things that are no files."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import format_files as ff
from hostile_files import WEIGHT, add_all, add_maker

# Archives

_PARTS = ff.torch_parts()
_ROOT, _DATA_0 = _PARTS[0], _PARTS[2]


def _wide(*sizes: int) -> bytes:
    return struct.pack(f"<2H{len(sizes)}Q", 1, 8 * len(sizes), *sizes)


def _overlapping() -> bytes:
    inner = ff.Part(b"archive/data/2", b"inside")
    header = ff.zip_bytes([inner])[: 30 + len(inner.name) + len(inner.data)]
    outer = ff.Part(b"archive/data/1", header)
    offset = len(ff.zip_bytes(_PARTS[:1])) - len(ff.zip_bytes([])) - 46 - len(_ROOT.name)
    return ff.zip_bytes([_ROOT, outer, inner.bent(offset=offset + 30 + len(outer.name))])


_BOMB = b"\x80\x02]" + b"N" * (64 << 20)
add_all(
    "zip",
    {
        "compressed program": ff.zip_bytes([ff.deflated(b"archive/data.pkl", _ROOT.data), *_PARTS[1:]]),
        "bomb as program": ff.zip_bytes([ff.deflated(b"archive/data.pkl", _BOMB), *_PARTS[1:]]),
        "bomb as storage": ff.zip_bytes([_ROOT, ff.deflated(b"archive/data/0", bytes(64 << 20))]),
        "member that climbs": ff.zip_bytes([*_PARTS, ff.Part(b"archive/../../evil", b"")]),
        "member at the root": ff.zip_bytes([*_PARTS, ff.Part(b"/etc/passwd", b"")]),
        "member with backslashes": ff.zip_bytes([*_PARTS, ff.Part(b"archive\\..\\evil", b"")]),
        "member on a drive": ff.zip_bytes([*_PARTS, ff.Part(b"C:/evil", b"")]),
        "member without a name": ff.zip_bytes([*_PARTS, ff.Part(b"", b"")]),
        "member with a zero": ff.zip_bytes([*_PARTS, ff.Part(b"archive/data/0\0", b"")]),
        "member in no encoding": ff.zip_bytes([*_PARTS, ff.Part(b"archive/\xff\xfe", b"")]),
        "member twice": ff.zip_bytes([*_PARTS, _ROOT]),
        "members that overlap": _overlapping(),
        "wrong checksum of the program": ff.zip_bytes([_ROOT.bent(crc=1), *_PARTS[1:]]),
        "wrong checksum of a storage": ff.zip_bytes([_ROOT, _DATA_0.bent(crc=1), _PARTS[3]]),
        "code inside": ff.zip_bytes([*_PARTS, ff.Part(b"archive/code/__torch__.py", b"import os")]),
        "constants inside": ff.zip_bytes([*_PARTS, ff.Part(b"archive/constants.pkl", b"N.")]),
        "two folders": ff.zip_bytes([*_PARTS, ff.Part(b"other/data/0", b"")]),
        "unknown part": ff.zip_bytes([*_PARTS, ff.Part(b"archive/extra/__init__.py", b"")]),
        "large note": ff.zip_bytes([*_PARTS, ff.Part(b"archive/.format_version", b"1" * 10_000)]),
        "no program": ff.zip_bytes(_PARTS[1:]),
        "program without a folder": ff.zip_bytes([ff.Part(b"data.pkl", ff.program(b"}"))]),
        "big-endian": ff.zip_bytes(ff.torch_parts(byteorder=b"big")),
        "something before": ff.zip_bytes(_PARTS, before=b"#!/bin/sh\n"),
        "something after": ff.zip_bytes(_PARTS, after=b"more"),
        "encrypted": ff.zip_bytes([_ROOT.bent(flags=1), *_PARTS[1:]]),
        "two checksums": ff.zip_bytes([_ROOT.bent(local_crc=7), *_PARTS[1:]]),
        "wide size beyond the end": ff.zip_bytes(
            [
                _ROOT,
                _DATA_0.bent(packed=0xFFFFFFFF, size=0xFFFFFFFF, extra=_wide(1 << 62, 1 << 62)),
                _PARTS[3],
            ]
        ),
        "wide sizes that lack one": ff.zip_bytes(
            [_ROOT, _DATA_0.bent(packed=0xFFFFFFFF, size=0xFFFFFFFF, extra=_wide(24)), _PARTS[3]]
        ),
        "two names": ff.zip_bytes([_ROOT.bent(local_name=b"archive/evil.pkl"), *_PARTS[1:]]),
        "sizes that differ": ff.zip_bytes([_ROOT, _DATA_0.bent(size=1 << 30), _PARTS[3]]),
        "sizes beyond the end": ff.zip_bytes([_ROOT, _DATA_0.bent(size=1 << 30, packed=1 << 30), _PARTS[3]]),
        "sizes that are missing": ff.zip_bytes(
            [_ROOT, _DATA_0.bent(size=0xFFFFFFFF, packed=0xFFFFFFFF), _PARTS[3]]
        ),
        "members beyond the end": ff.zip_bytes([_ROOT, _DATA_0.bent(offset=1 << 30), _PARTS[3]]),
        "more members than there are": ff.zip_bytes(_PARTS, count=60_000),
        "fewer members than there are": ff.zip_bytes(_PARTS, count=2),
        "unknown packing": ff.zip_bytes([_ROOT.bent(method=12), *_PARTS[1:]]),
        "cut short": ff.zip_bytes(_PARTS)[:-10],
        "beginning alone": ff.zip_bytes(_PARTS)[:100],
        "nothing inside": ff.zip_bytes([]),
        "bytes after stop": ff.zip_bytes([_ROOT.bent(data=_ROOT.data + b"N."), *_PARTS[1:]]),
        "lying end": ff.zip_bytes(_PARTS)[:-6] + b"\x00\x00\x00\x00\x00\x00",
        "wide end to nowhere": ff.zip_bytes(_PARTS)[:-22]
        + struct.pack("<4sLQL", b"PK\x06\x07", 0, 1 << 62, 1)
        + ff.zip_bytes(_PARTS)[-22:],
        "wide end that lies": ff.zip_bytes(_PARTS)[:-22]
        + struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 1 << 50, 0)
        + struct.pack("<4sLQL", b"PK\x06\x07", 0, len(ff.zip_bytes(_PARTS)) - 22, 1)
        + ff.zip_bytes(_PARTS)[-22:],
    },
    "pt",
)

# safetensors

_ENTRY = ff.entry((6,), 0, 24)
_SIX = WEIGHT.tobytes()
add_all(
    "safetensors",
    {
        "header beyond the file": ff.safetensors({"a": _ENTRY}, _SIX, length=1 << 62),
        "header of 9 MiB": ff.safetensors(b'{"a":' + b"[" * 10 + b" " * (9 << 20) + b"}"),
        "header in the data": ff.safetensors({"a": _ENTRY}, _SIX, length=90),
        "key twice": ff.safetensors(b'{"a":%s,"a":%s}' % ((json.dumps(_ENTRY).encode(),) * 2), _SIX),
        "overlap": ff.safetensors({"a": _ENTRY, "b": ff.entry((1,), 20, 24)}, _SIX),
        "same place": ff.safetensors({"a": _ENTRY, "b": _ENTRY}, _SIX),
        "gap": ff.safetensors({"a": ff.entry((1,), 0, 4), "b": ff.entry((1,), 20, 24)}, _SIX),
        "bytes at the end": ff.safetensors({"a": _ENTRY}, _SIX + b"more"),
        "beyond the end": ff.safetensors({"a": ff.entry((6,), 8, 32)}, _SIX),
        "negative start": ff.safetensors({"a": ff.entry((6,), -24, 0)}, _SIX),
        "start after stop": ff.safetensors({"a": ff.entry((6,), 24, 0)}, _SIX),
        "wrong shape": ff.safetensors({"a": ff.entry((7,), 0, 24)}, _SIX),
        "huge shape": ff.safetensors({"a": ff.entry((1 << 40, 1 << 40), 0, 24)}, _SIX),
        "shape of truth": ff.safetensors({"a": ff.entry((True, 6), 0, 24)}, _SIX),
        "shape of floats": ff.safetensors({"a": ff.entry((6.0,), 0, 24)}, _SIX),
        "unknown type": ff.safetensors({"a": ff.entry((6,), 0, 24, "PICKLE")}, _SIX),
        "extra field": ff.safetensors({"a": {**_ENTRY, "code": "x"}}, _SIX),
        "no JSON": ff.safetensors(b"{nothing at all}", _SIX),
        "not a number": ff.safetensors(b'{"a": NaN}', _SIX),
        "number of 6000 digits": ff.safetensors(b'{"a": ' + b"9" * 6000 + b"}", _SIX),
        "deep": ff.safetensors(b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", _SIX),
        "metadata of numbers": ff.safetensors({"__metadata__": {"a": 1}, "a": _ENTRY}, _SIX),
        "entry of a list": ff.safetensors({"a": [1, 2]}, _SIX),
        "half a letter": ff.safetensors(b'{"\\ud800": %s}' % json.dumps(_ENTRY).encode(), _SIX),
        "other encoding": ff.safetensors(json.dumps({"a": _ENTRY}).encode("utf-16-le"), _SIX),
        "no text": ff.safetensors(b'{"\xff": 1}', _SIX),
    },
    "safetensors",
)

# OpenVINO


def _graph(label: str, xml: str | bytes, weights: bytes | None = _SIX) -> None:
    def make(folder: Path) -> Path:
        path = folder / "graph.xml"
        path.write_bytes(xml.encode() if isinstance(xml, str) else xml)
        if weights is not None:
            path.with_suffix(".bin").write_bytes(weights)
        return path

    add_maker(f"graph {label}", make)


_LAUGHS = "<!DOCTYPE net [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + i)} '{f'&{chr(97 + i)};' * 10}'>" for i in range(12)) + "]>"  # fmt: skip
_graph("laughs", ff.ir_xml(before=_LAUGHS, const_name="&m;"))
_graph("document type", ff.ir_xml(before="<!DOCTYPE net>"))
_graph("entity of a file", ff.ir_xml(before="<?xml version='1.0'?><!DOCTYPE n [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
                                     const_name="&x;"))  # fmt: skip
_graph("of another kind", "<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>")
_graph("cut short", ff.ir_xml()[:200])
_graph("without numbers", ff.ir_xml(), None)
_graph("with short numbers", ff.ir_xml(), _SIX[:-1])
_graph(
    "with a huge constant", ff.ir_xml(const='element_type="f32" shape="2,3" offset="0" size="99999999999"')
)
_graph("with a lying constant", ff.ir_xml(const='element_type="f32" shape="9" offset="0" size="24"'))
_graph("with a negative offset", ff.ir_xml(const='element_type="f32" shape="2,3" offset="-24" size="24"'))
_graph("with an unknown type", ff.ir_xml(const='element_type="string" shape="2,3" offset="0" size="24"'))
_graph("with a shape of words", ff.ir_xml(const='element_type="f32" shape="a,b" offset="0" size="24"'))
_graph("with a far edge", ff.ir_xml(edge='from-layer="0" from-port="0" to-layer="7" to-port="0"'))
_graph("with an edge to no port", ff.ir_xml(edge='from-layer="0" from-port="3" to-layer="1" to-port="0"'))
_graph("with one name twice", ff.ir_xml(extra='<layer id="2" name="out" type="Result" version="x"/>'))
_graph("with one number twice", ff.ir_xml(extra='<layer id="1" name="b" type="Result" version="x"/>'))
_graph("with a nameless layer", ff.ir_xml(extra='<layer id="2" type="Result"/>'))
_graph("with a loop", ff.ir_xml(extra='<layer id="2" name="b" type="Loop"><body/></layer>'))
_graph("that is deep", ff.ir_xml(extra="<a>" * 50_000 + "</a>" * 50_000))
_graph("that is wide", ff.ir_xml(extra="<layer id='2' name='b' type='X'>" + "<a/>" * 400_000 + "</layer>"))
_graph("that is long", ff.ir_xml(extra=" " * (9 << 20)))
_graph("of another encoding", b"<?xml version='1.0' encoding='klingon'?><net/>")
_graph("without layers", "<?xml version='1.0'?><net name='x'/>")

# TensorFlow

_NETWORK = ff.name("dnnlib.tflib.network", "Network") + b")\x81"
_NAMESPACE = ff.name("argparse", "Namespace") + b")\x81"
add_all("network", {
    "of nothing": ff.program(_NETWORK + b"\x85"),
    "without names": ff.program(
        _NETWORK, ff.mapping(version=b"K\x04", static_kwargs=b"}", variables=b"](NNe"), b"b"),
    "of objects": ff.program(ff.tf_network("G", {"w": _NAMESPACE})),
    "with a part of nothing": ff.program(ff.many(ff.tf_network("G", {}, {"part": b"N"}))),
})  # fmt: skip

# Files that are no models, and things that are no files

add_all(
    "file",
    {
        "empty": b"",
        "web page": b"\n<!DOCTYPE html><html><body>404</body></html>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "gzip": b"\x1f\x8b" + bytes(100),
        "tar": bytes(257) + b"ustar" + bytes(300),
        "keras": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "text": b"Hello, I am a model, honestly.",
        "zeros": bytes(10_000),
        "one byte": b"\x80",
        "one array": ff.npy("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", _SIX),
    },
)


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.pkl")
    return folder / "pipe.pkl"


def _link(target: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "link.pkl"
        path.symlink_to(target)
        return path

    return make


def _socket(folder: Path) -> Path:
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))
    return path


def _folder(folder: Path) -> Path:
    (folder / "inside").mkdir()
    return folder / "inside"


def _two_models(folder: Path) -> Path:
    for label in ("a.pt", "b.pt"):
        (folder / label).write_bytes(ff.zip_bytes(_PARTS))
    return folder


_THINGS: dict[str, Callable[[Path], Path]] = {
    "thing pipe": _pipe,
    "thing device": lambda folder: Path("/dev/zero"),
    "thing link to a device": _link("/dev/zero"),
    "thing link to itself": _link("link.pkl"),
    "thing link to nothing": _link("missing.pkl"),
    "thing link to a pipe": lambda folder: (_pipe(folder), _link("pipe.pkl")(folder))[1],
    "thing socket": _socket,
    "thing empty folder": _folder,
    "thing folder of two models": _two_models,
    "thing missing": lambda folder: folder / "missing.pkl",
    "thing with a zero in its name": lambda folder: folder / "a\0b.pkl",
    "thing with a very long name": lambda folder: folder / ("a" * 5000),
    "thing process memory": lambda folder: Path("/proc/self/mem"),
}
for _label, _maker in _THINGS.items():
    add_maker(_label, _maker)
