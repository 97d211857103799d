"""Write the table of formats into README.md, from the registry.

Run as `make readme` after adding an architecture. With `--check`, change nothing and fail when the table
is not what the registry says.
"""

from __future__ import annotations

import sys
from pathlib import Path

from latentstudio.models.registry import architectures

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- formats: written by `make readme` -->"
END = "<!-- end of formats -->"


def table() -> str:
    """One row for each architecture, in the registry's order."""
    rows = [f"| {a.title} | {a.recognised_by} |" for a in architectures()]
    return "\n".join(["| What | Recognised by |", "|---|---|", *rows])


def with_table(text: str) -> str:
    """The README's text with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(check: bool) -> int:
    """Write or check; the exit code."""
    text = README.read_text(encoding="utf-8")
    wanted = with_table(text)
    if check:
        return int(text != wanted)
    README.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
