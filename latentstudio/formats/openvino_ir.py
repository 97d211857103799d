"""OpenVINO's intermediate representation: a graph in XML, its constants in a .bin beside it.

Owns the reading of one graph, and the finding of a mapping and a synthesis network that belong
together; knows nothing of what the layers compute. XML is read without entities, without a document
type and piece by piece. Safe on any thread.

Source: OpenVINO's description of IR versions 10 and 11 (net, layers, layer, port, edges).
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from latentstudio.errors import CheckpointError, UnreadableFileError, UnsafeFileError
from latentstudio.formats.source import Source, list_names, naming, open_source, shown, sniff
from latentstudio.formats.values import ELEMENT_TYPES, StoredArray, stored_array

_ELEMENT_OF_TYPE = {
    "f16": "float16",
    "bf16": "bfloat16",
    "f32": "float32",
    "f64": "float64",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "u16": "uint16",
    "u32": "uint32",
    "u64": "uint64",
    "boolean": "bool",
}
# Parsed XML takes some thirty times its length in memory; the largest graph known here has 0.4 MiB.
_MAX_XML_BYTES = 8 << 20
_MAX_ELEMENTS = 100_000
_MAX_XML_DEPTH = 32
_MAX_GRAPHS = 64
_HEAD_BYTES = 4096
_NET_NAME = re.compile(rb'<net\b[^>]*?\bname="([^"]{1,200})"')
_PAIR = {"mappingnetwork": "mapping", "synthesisnetwork": "synthesis"}

Shape = tuple[int, ...]


class IREdge(NamedTuple):
    """One connection: an output port of a layer to an input port of another."""

    from_layer: int
    from_port: int
    to_layer: int
    to_port: int


@dataclass(frozen=True)
class IRLayer:
    """One operation of a graph.

    Attributes:
        id: its number in the file.
        name: unique within the graph.
        type: the operation, for example "MatMul".
        version: the set of operations it belongs to, for example "opset1".
        attrs: its settings as the file writes them.
        inputs: shape by port number; -1 stands for an open length.
        outputs: likewise.
    """

    id: int
    name: str
    type: str
    version: str
    attrs: dict[str, str]
    inputs: dict[int, Shape]
    outputs: dict[int, Shape]


@dataclass(frozen=True, eq=False)
class IR:
    """One graph with its constants.

    Attributes:
        name: the network's name.
        layers: in the order of the file.
        edges: all connections; every end exists.
        constants: arrays of the layers of type "Const", by layer name.
    """

    name: str
    layers: list[IRLayer]
    edges: list[IREdge]
    constants: dict[str, StoredArray]

    def __repr__(self) -> str:
        return f"IR({self.name!r}, {len(self.layers)} layers)"


def read_ir_files(xml: Path, weights: Path | None) -> tuple[IR, int]:
    """One graph, and the length of its files in bytes.

    Args:
        xml: the graph.
        weights: the constants; None where there is no such file.

    Raises:
        UnreadableFileError: damaged, not an OpenVINO graph, or its constants are missing.
        UnsafeFileError: entities or a document type, absurd sizes, constants outside their file.
    """
    graph = open_source(xml)
    with naming(xml):
        if weights is None:
            raise UnreadableFileError(
                "the file with its numbers is missing",
                f'Put "{shown(xml.stem)}.bin" beside it.',
            )
        data = open_source(weights)
        return _parse(graph, data.view), graph.size_bytes + data.size_bytes


def is_ir(path: Path) -> bool:
    """Whether the file begins like an OpenVINO graph; never raises."""
    try:
        source = open_source(path)
        return sniff(source.view) == "xml" and b"<net" in bytes(source.view[:_HEAD_BYTES])
    except CheckpointError:
        return False


def sibling(path: Path, suffix: str) -> Path | None:
    """The file beside `path` with the same stem and that ending, whatever the case of its letters."""
    wanted = (path.stem + suffix).casefold()
    for entry in list_names(path.parent):
        if entry.casefold() == wanted:
            return path.parent / entry
    return None


def find_pair(folder: Path) -> dict[str, Path] | None:
    """The graphs "mapping" and "synthesis" of a folder, known by their own or their files' names."""
    found: dict[str, Path] = {}
    graphs = [name for name in list_names(folder) if name.casefold().endswith(".xml")]
    for entry in graphs[:_MAX_GRAPHS]:
        path = folder / entry
        if not is_ir(path):
            continue
        declared = _NET_NAME.search(bytes(open_source(path).view[:_HEAD_BYTES]))
        names = [declared.group(1).decode("utf-8", "replace")] if declared else []
        for name in (*names, path.stem):
            role = _PAIR.get(name.casefold())
            if role is not None:
                found.setdefault(role, path)
                break
    return found if len(found) == 2 else None


def _parse(graph: Source, data: memoryview) -> IR:
    if graph.size_bytes > _MAX_XML_BYTES:
        raise UnsafeFileError("its graph is larger than that of any known model")
    name, layers, edges = "", [], []
    open_elements: list[Any] = []
    count = 0
    try:
        for event, element in iterparse(io.BytesIO(graph.view), ("start", "end"), forbid_dtd=True):
            if event == "start":
                count += 1
                open_elements.append(element)
                _check_start(element, open_elements, count)
                continue
            open_elements.pop()
            if len(open_elements) == 2:
                place = open_elements[-1].tag
                if place == "layers" and element.tag == "layer":
                    layers.append(_layer(element))
                elif place == "edges" and element.tag == "edge":
                    edges.append(_edge(element))
                # What was read is let go, so that memory does not grow with the graph.
                del open_elements[-1][:]
            elif not open_elements:
                name = element.get("name", "")
    except (DefusedXmlException, ParseError) as error:
        if isinstance(error, DefusedXmlException):
            raise UnsafeFileError("its XML defines entities or a document type") from error
        raise UnreadableFileError("its XML is damaged or cut short", "Fetch it again.") from error
    except (ValueError, LookupError) as error:
        raise UnreadableFileError("its XML is damaged") from error
    _check_graph(layers, edges)
    constants = {layer.name: _constant(layer, data) for layer in layers if layer.type == "Const"}
    return IR(name, layers, edges, constants)


def _check_start(element: Any, open_elements: list[Any], count: int) -> None:
    if count == 1 and element.tag != "net":
        raise UnreadableFileError(f'it is an XML file of another kind ("{shown(element.tag, 30)}")')
    if element.tag == "body":
        raise UnreadableFileError("its graph contains loops, which no generator known here has")
    if count > _MAX_ELEMENTS or len(open_elements) > _MAX_XML_DEPTH:
        raise UnsafeFileError("its graph is larger than that of any known model")


def _layer(element: Any) -> IRLayer:
    data = element.find("data")
    return IRLayer(
        id=_number(element.get("id")),
        name=_text(element.get("name")),
        type=_text(element.get("type")),
        version=element.get("version", ""),
        attrs={} if data is None else dict(data.attrib),
        inputs=_ports(element.find("input")),
        outputs=_ports(element.find("output")),
    )


def _ports(element: Any) -> dict[int, Shape]:
    if element is None:
        return {}
    return {
        _number(port.get("id")): tuple(_number(dim.text, least=-1) for dim in port.findall("dim"))
        for port in element.findall("port")
    }


def _edge(element: Any) -> IREdge:
    return IREdge(*(_number(element.get(key)) for key in ("from-layer", "from-port", "to-layer", "to-port")))


def _number(text: str | None, least: int = 0) -> int:
    if text is None or not re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) or int(text) < least:
        raise UnreadableFileError("a number in its graph is damaged")
    return int(text)


def _text(text: str | None) -> str:
    if not text:
        raise UnreadableFileError("a layer in its graph has no name or type")
    return text


def _check_graph(layers: list[IRLayer], edges: list[IREdge]) -> None:
    by_id = {layer.id: layer for layer in layers}
    if not layers:
        raise UnreadableFileError("its graph has no layers")
    if len(by_id) != len(layers) or len({layer.name for layer in layers}) != len(layers):
        raise UnsafeFileError("two layers of its graph share a name or a number")
    for edge in edges:
        start, end = by_id.get(edge.from_layer), by_id.get(edge.to_layer)
        if start is None or end is None:
            raise UnsafeFileError("its graph has a connection to nowhere")
        if edge.from_port not in start.outputs or edge.to_port not in end.inputs:
            raise UnsafeFileError("its graph has a connection to nowhere")


def _constant(layer: IRLayer, data: memoryview) -> StoredArray:
    element = _ELEMENT_OF_TYPE.get(layer.attrs.get("element_type", ""))
    if element is None:
        raise UnreadableFileError(f'its constant "{shown(layer.name)}" has an unsupported element type')
    shape = tuple(_number(part) for part in layer.attrs.get("shape", "").split(",") if part.strip())
    offset, size = _number(layer.attrs.get("offset")), _number(layer.attrs.get("size"))
    if offset + size > len(data):
        raise UnsafeFileError(f'its constant "{shown(layer.name)}" reaches beyond the file of numbers')
    array = stored_array(data[offset : offset + size], element, shape)
    if array.size * ELEMENT_TYPES[element].itemsize != size:
        raise UnsafeFileError(f'its constant "{shown(layer.name)}" lies about its size')
    return array
