"""Text on its way into a prompt: what a member or a document wrote must stay text.

Engines read control tokens (`<|im_end|>`, `</s>`, ...) out of the rendered chat, so a document that spells
one could end its own turn and begin a system turn. A space after the bracket makes it ordinary text.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(
    r"<(?=[|｜][^<>\n]{1,40}[|｜]>"
    r"|/?s>|(?:bos|eos|pad|unk|mask)>|(?:start|end)_of_(?:turn|image)>|/?think>"
    r"|/?tool_(?:call|response)>)"
)


def as_data(text: str) -> str:
    """Return `text` without anything that a model's tokenizer reads as control, and valid in UTF-8."""
    return _CONTROL.sub("< ", text).encode("utf-8", "replace").decode("utf-8")
