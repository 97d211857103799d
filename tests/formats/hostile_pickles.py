"""Hostile pickles: names that run something, steps that no model needs, sizes that lie."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import format_files as ff
from hostile_files import WEIGHT, add, add_all, python, shell

# Names that would run something

for _module, _name in [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("os", "popen"), ("subprocess", "Popen"),
    ("subprocess", "check_output"), ("commands", "getoutput"), ("pty", "spawn"), ("torch.hub", "load"),
    ("webbrowser", "open"), ("ctypes", "CDLL"), ("shutil", "rmtree"), ("os", "system "),
]:  # fmt: skip
    add(
        f"call {_module}.{_name!r}",
        lambda folder, m=_module, n=_name: ff.program(ff.call(m, n, ff.short(shell(folder)))),  # type: ignore[misc]
    )
for _module, _name in [
    ("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "eval"), ("builtins", "__import__"),
    ("builtins", "getattr"), ("builtins", "open"), ("builtins", "compile"), ("operator", "attrgetter"),
    ("importlib", "import_module"), ("functools", "partial"), ("pickle", "loads"), ("_pickle", "loads"),
    ("marshal", "loads"), ("types", "CodeType"), ("types", "FunctionType"), ("codecs", "decode"),
    ("numpy.testing._private.utils", "runstring"), ("torch", "load"), ("torch.serialization", "load"),
    ("torch", "compile"), ("torch._utils", "_rebuild_sparse_tensor"), ("torch._utils", "_rebuild_qtensor"),
    ("torch._utils", "_rebuild_tensor_v2x"), ("numpy.core.multiarray", "scalar2"), ("copyreg", "__newobj__"),
    ("torch.jit._script", "RecursiveScriptModule"), ("my_project.networks", "Generator"), ("bdb", "Bdb"),
    ("collections", "OrderedDict.__class__"), ("builtins.eval", "__call__"), ("", "eval"),
    ("torch.nn.modules.conv", "Conv2d.__init__"), ("collections.abc", "OrderedDict"), ("Builtins", "eval"),
]:  # fmt: skip
    add(
        f"call {_module}.{_name}",
        lambda folder, m=_module, n=_name: ff.program(ff.call(m, n, ff.short(python(folder)))),  # type: ignore[misc]
    )


def _system(folder: Path) -> bytes:
    return ff.call("os", "system", ff.short(shell(folder)))


_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
_NAMED = ff.short("posix") + ff.short("system") + b"\x93"
_FROM_MEMO = ff.short("os") + b"\x94" + ff.short("system") + b"\x94h\x00h\x01\x93"

add("stack global", lambda f: ff.program(_NAMED, ff.short(shell(f)), b"\x85R"))
add("stack global from the memo", lambda f: ff.program(b"(", _FROM_MEMO, ff.short(shell(f)), b"\x85Rt"))
add("protocol 0", lambda f: b"cposix\nsystem\n(S'" + shell(f).encode() + b"'\ntR.")
add("inst", lambda f: ff.program(b"(", ff.short(shell(f)), b"ios\nsystem\n"))
add("obj", lambda f: ff.program(b"(", ff.name("os", "system"), ff.short(shell(f)), b"o"))
add("hidden by pop", lambda f: ff.program(_system(f), b"0}"))
add("in a dead memo", lambda f: ff.program(b"}", _system(f), b"\x94\x86"))
add("in a key", lambda f: ff.program(b"}", _system(f), b"Ns"))
add("as state", lambda f: ff.program(ff.name("argparse", "Namespace"), b")\x81", _system(f), b"b"))
add("in the discriminator", lambda f: ff.program(ff.mapping(G_ema=b"}", D=_system(f))))
add(
    "beside a network",
    lambda f: ff.nvidia_pickle(WEIGHT.reshape(2, 3))[:-2] + ff.short("x") + _system(f) + b"u.",
)
add(
    "in a nested stream",
    lambda f: ff.program(
        ff.call("torch.storage", "_load_from_bytes", ff.blob(_MAGIC + ff.program(_system(f))))
    ),
)
add(
    "instead of a nested stream",
    lambda f: ff.program(ff.call("torch.storage", "_load_from_bytes", ff.blob(ff.program(_system(f))))),
)
add(
    "in the keys of a legacy file",
    lambda f: ff.legacy_stream(ff.program(b"}"), {})[:-4] + ff.program(_system(f)),
)
add("in a torch zip", lambda f: ff.zip_bytes(ff.torch_parts(ff.program(_system(f)))))
add("in a persistent id", lambda f: ff.zip_bytes(ff.torch_parts(ff.program(_system(f), b"Q"))))
add(
    "as hooks",
    lambda f: ff.zip_bytes(
        ff.torch_parts(
            ff.program(
                ff.tensor(
                    ff.storage_id("0", 6), ff.sizes((6,)), ff.sizes((1,)), hooks=ff.mapping(a=_system(f))
                )
            )
        )
    ),
)
add_all(
    "hook",
    {
        "of a known function": ff.zip_bytes(
            ff.torch_parts(
                ff.program(
                    ff.tensor(
                        ff.storage_id("0", 6),
                        ff.sizes((6,)),
                        ff.sizes((1,)),
                        hooks=ff.mapping(a=ff.name("torch.nn.functional", "relu")),
                    )
                )
            )
        )
    },
)

# Steps that no model file needs

NAMESPACE = ff.name("argparse", "Namespace") + b")\x81"
add_all(
    "step",
    {
        label: ff.program(steps)
        for label, steps in {
            "extension 1": b"\x82\x01",
            "extension 2": b"\x83\x01\x00",
            "extension 4": b"\x84\x01\x00\x00\x00",
            "persistent line": b"Pkey\n",
            "persistent without a container": ff.short("key") + b"Q",
            "next buffer": b"\x97",
            "readonly buffer": b"}\x98",
            "dup": b"]2a",
            "inst": b"(iargparse\nNamespace\n",
            "obj": b"(" + ff.name("argparse", "Namespace") + b"o",
            "object newer": ff.name("argparse", "Namespace") + b")}\x92",
            "pop": b"}}0",
            "pop mark": b"}(}1",
            "slot state": NAMESPACE + b"N}\x86b",
            "state twice": NAMESPACE + b"}b}b",
            "state of a dict": b"}}b",
            "state of a function": ff.call("collections", "OrderedDict") + b"}b" + b"N\x85b",
            "state of a persistent object": ff.persistent_object("G", b"}") + b"}b",
            "state that is a list": NAMESPACE + b"]b",
            "call of a text": ff.short("os.system") + b")R",
            "call with a list": ff.name("builtins", "set") + b"]R",
            "call of a storage class": ff.call("torch", "FloatStorage", b"K\x01"),
            "object of a function": ff.name("torch._utils", "_rebuild_tensor_v2") + b")\x81",
            "append to a dict": b"}Na",
            "keys of a list": b"]NNs",
            "add to a list": b"](N\x90",
            "unknown step": b"\xff",
            "future protocol": b"\x80\x09N",
            "name that is a number": b"K\x01K\x01\x93",
            "encode in another codec": ff.call("_codecs", "encode", ff.short("abc"), ff.short("rot13")),
            "bytes of a count": ff.call("builtins", "bytearray", ff.number(1 << 40)),
            "tuple of a number": ff.call("builtins", "tuple", ff.number(1 << 40)),
            "reconstructor of a name": ff.call(
                "copyreg", "_reconstructor", ff.name("builtins", "object"), b"N", b"N"
            ),
            "persistent of another kind": ff.persistent_object("G", b"}", kind=ff.short("function")),
            "persistent without state": ff.persistent_object("G", b"N"),
            "persistent with two arguments": ff.call(
                "torch_utils.persistence", "_reconstruct_persistent_obj", b"}", b"}"
            ),
            "ordered dict of numbers": ff.call("collections", "OrderedDict", b"](K\x01e"),
            "default dict of a function call": ff.call("collections", "defaultdict", ff.short("os.system")),
        }.items()
    },
)

# Sizes

add_all(
    "step",
    {
        label: ff.program(steps)
        for label, steps in {
            "bytes of 2^62": b"\x8e" + struct.pack("<Q", 1 << 62),
            "text of 2^63": b"\x8d" + struct.pack("<Q", 1 << 63),
            "byte array of 2^40": b"\x96" + struct.pack("<Q", 1 << 40),
            "bytes of 2^32": b"B\xff\xff\xff\xff",
            "text of 2^32": b"X\xff\xff\xff\xff",
            "old text of 2^31": b"T\xff\xff\xff\x7f",
            "number of 2^31 bytes": b"\x8b\xff\xff\xff\x7f",
            "number of minus bytes": b"\x8b\xff\xff\xff\xff",
            "number of 1000 bytes": b"\x8b\xe8\x03\x00\x00" + b"\x01" * 1000,
            "frame of 2^63": b"\x95" + struct.pack("<Q", 1 << 63) + b"N",
            "memo 2^32": b"Nr\xff\xff\xff\xff",
            "memo line": b"Np999999999\n",
            "memo line of letters": b"Npabc\n",
            "memo of nothing": b"h\x05",
            "memo before anything": b"q\x00",
            "digits without end": b"I" + b"9" * 5000 + b"\nN",
            "line without end": b"c" + b"a" * 100_000,
            "decimal of 900 digits": b"L" + b"9" * 900 + b"L\n",
            "float of words": b"Fone\n",
            "half a letter": b"V\\ud800\n",
            "text without quotes": b"Sabc\n",
            "large numbers as keys": b"}(" + b"\x8a\x09" + b"\xff" * 8 + b"\x00Nu",
            "half a text": b"S'abc\n",
            "text in a broken escape": b"S'\\x1'\n",
            "text that is no UTF-8": b"X\x02\x00\x00\x00\xff\xfe",
            "long text that is no UTF-8": b"X\x00\x20\x00\x00" + b"\xff" * 8192,
            "too many steps": b"]" + b"Na" * 300_000,
            "deep tuples": b")" + b"\x85" * 200_000,
            "deep lists": b"]" * 200_000 + b"a" * 199_999,
            "deep dicts": b"}N" * 100_000 + b"N" + b"s" * 100_000,
            "deep objects": (NAMESPACE + b"}N") * 10_000 + b"N" + b"sb" * 10_000,
            "deep marks": b"(" * 200_000,
            "nothing to end with": b"",
            "two values": b"NN",
            "open mark": b"(N",
            "empty tuple of three": b"N\x87",
            "keys without values": b"}(Nu",
            "laughs": b"(]\x94" + b"".join(b"](h%ch%ce\x94" % (i, i) for i in range(60)) + b"t",
            "tuple laughs": b"()\x94" + b"".join(b"(h%ch%ct\x94" % (i, i) for i in range(60)) + b"t",
            "dict laughs": b"(}\x94"
            + b"".join(b"}(K\x00h%cK\x01h%cu\x94" % (i, i) for i in range(60))
            + b"t",
            "text laughs": b"X\x00\x00\x01\x00" + b"a" * 65536 + b"\x94](" + b"h\x00" * 200_000 + b"e\x86",
            "much text": b"](" + (b"X\x00\x00\x10\x00" + b"a" * (1 << 20)) * 40 + b"e",
            "list in itself": b"]\x94h\x00a",
            "dict in itself": b"}\x94Nh\x00s",
            "object in itself": NAMESPACE + b"\x94}" + ff.short("me") + b"h\x00sb",
            "dict made of itself": ff.name("collections", "OrderedDict") + b")R\x94" + b"Nh\x00s",
            "argument in itself": b"]\x94" + ff.name("pathlib", "PosixPath") + b"h\x00\x85Ra",
            "key of tuples of tuples": b"}" + b")\x85\x85" + b"Ns",
            "key of a list": b"}]Ns",
            "key of a dict": b"}}Ns",
            "key of long bytes": b"}" + ff.blob(b"a" * 5000) + b"Ns",
            "key of long text": b"}X\x00\x20\x00\x00" + b"a" * 8192 + b"Ns",
            "set of lists": b"\x8f(]\x90",
        }.items()
    },
)
add_all("whole", {
    "bytes after stop": ff.program(b"}") + b"trailing",
    "two pickles": ff.program(b"}") + ff.program(b"}"),
    "cut in the middle": ff.nvidia_pickle(WEIGHT.reshape(2, 3))[:-300],
    "protocol alone": b"\x80\x04",
})  # fmt: skip
