"""Saying which category was meant when a name is not known."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from agent.contracts import Slug
from agent.errors import UnknownCategoryError


def require_slug(known: Collection[Slug], given: str, former: Mapping[Slug, Slug] | None = None) -> Slug:
    """Return `given` as a slug; what a category was called before (`former`) is what it is called now.

    Raises `UnknownCategoryError`, naming the nearest, when it is not known.
    """
    if given in known:
        return Slug(given)
    if former and (now := former.get(Slug(given))):
        return now
    near = difflib.get_close_matches(given, known, n=1)
    if near:
        hint = f"Did you mean {near[0]}?"
    elif known:
        hint = f"There are: {', '.join(sorted(known))}."
    else:
        hint = "There are no categories yet: `lorekeeper categories add`."
    raise UnknownCategoryError(f"There is no category {given}.", hint)
