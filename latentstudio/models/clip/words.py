"""From a sentence to CLIP's numbers: byte pairs, merged in the order of a list that the person has.

Owns the alphabet and the merging. NumPy only, any thread.

Sources: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", section 3.2
(merging the most frequent pair first); Radford et al., "Learning Transferable Visual Models From Natural
Language Supervision", section 2.4 (lower case, start and end marks, 76 places).
"""

from __future__ import annotations

import gzip
import html
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError, UnreadableFileError

WORDS = 49408  # entries of CLIP's vocabulary
MERGES = WORDS - 2 * 256 - 2
END_OF_WORD = "</w>"
MAX_BYTES = 32 << 20
_PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)


class Words:
    """The vocabulary.

    Args:
        merges: pairs of pieces, the earliest first.
    """

    def __init__(self, merges: Sequence[tuple[str, str]]) -> None:
        letters = list(_alphabet().values())
        pieces = [*letters, *(letter + END_OF_WORD for letter in letters)]
        pieces += ["".join(pair) for pair in merges]
        self._numbers = {piece: i for i, piece in enumerate(pieces)}
        self._ranks = {pair: i for i, pair in enumerate(merges)}
        self._start, self._end = len(pieces), len(pieces) + 1

    def __len__(self) -> int:
        return self._end + 1

    def numbers(self, text: str, places: int = 77) -> NDArray[np.int64]:
        """A sentence as int64 (places,): start mark, pieces, end mark, zeros.

        Raises:
            InputError: the sentence is empty or too long.
        """
        letters = _alphabet()
        clean = " ".join(unicodedata.normalize("NFC", html.unescape(text)).lower().split())
        found: list[int] = []
        for piece in _PIECES.findall(clean):
            found += [self._numbers[p] for p in self._merged([letters[b] for b in piece.encode()])]
        if not found:
            raise InputError("A prompt needs at least one word.")
        if len(found) > places - 2:
            raise InputError(f'The prompt "{text[:40]}…" is too long.', f"CLIP reads {places - 2} pieces.")
        numbers = np.zeros(places, np.int64)
        numbers[: len(found) + 2] = [self._start, *found, self._end]
        return numbers

    def _merged(self, letters: list[str]) -> list[str]:
        """One word's pieces: of all pairs of neighbours the one highest in the list, until none is in it."""
        pieces = [*letters[:-1], letters[-1] + END_OF_WORD]
        while len(pieces) > 1:
            ranked = [(self._ranks.get(pair, -1), pair) for pair in pairwise(pieces)]
            known = [entry for entry in ranked if entry[0] >= 0]
            if not known:
                break
            first, second = min(known)[1]
            joined, i = [], 0
            while i < len(pieces):
                if i + 1 < len(pieces) and (pieces[i], pieces[i + 1]) == (first, second):
                    joined.append(first + second)
                    i += 2
                else:
                    joined.append(pieces[i])
                    i += 1
            pieces = joined
        return pieces


def read_words(path: Path, limit: int = MERGES) -> Words:
    """The vocabulary of a list of merges: `bpe_simple_vocab_16e6.txt(.gz)` or `merges.txt`.

    Raises:
        UnreadableFileError: it is no such list.
    """
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
        if raw[:2] == b"\x1f\x8b":
            # However much is packed, no more than a list of words can be is unpacked.
            raw = zlib.decompressobj(wbits=31).decompress(raw, MAX_BYTES)
        lines = raw.decode("utf-8").splitlines()
    except (OSError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise UnreadableFileError(f'Can\'t read words from "{path.name}".', path=path) from error
    pairs = [tuple(line.split()) for line in lines[1 : limit + 1]]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise UnreadableFileError(
            f'"{path.name}" is no list of merges.',
            "It is called bpe_simple_vocab_16e6.txt.gz or merges.txt, and lies beside CLIP's weights.",
            path=path,
        )
    return Words([(a, b) for a, b in pairs])


def _alphabet() -> dict[int, str]:
    """A visible letter for every byte: itself where it is one, else one from above the first 256."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in shown}
    return letters | {byte: chr(256 + i) for i, byte in enumerate(_hidden(shown))}


def _hidden(shown: Sequence[int]) -> Iterator[int]:
    return (byte for byte in range(256) if byte not in set(shown))
