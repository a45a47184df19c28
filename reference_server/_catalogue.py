"""Gathers the entries of a package of modules, and finds entries by name."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from reference_server._sdk import require_sdk


class _Entry(Protocol):
    @property
    def name(self) -> str: ...


EntryT = TypeVar("EntryT", bound=_Entry)


def gather(package: str, path: Iterable[str], attribute: str, kind: type[EntryT]) -> dict[str, EntryT]:
    """Collect the tuple `attribute` of every module of a package, by entry name.

    Raises:
        ValueError: If two entries have the same name.
        TypeError: If a tuple holds something else than entries.
        ReferenceServerUnavailable: If the installed SDK cannot carry them.
    """
    require_sdk()
    found: dict[str, EntryT] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(path)):
        for entry in getattr(importlib.import_module(f"{package}.{name}"), attribute, ()):
            if not isinstance(entry, kind):
                raise TypeError(f"{package}.{name}.{attribute} holds {entry!r}, which is no {kind.__name__}")
            if entry.name in found:
                raise ValueError(f"{entry.name!r} is defined twice in {package}")
            found[entry.name] = entry
    return found


def choose(option: str, names: Iterable[str], entries: Mapping[str, EntryT], mode: str) -> list[EntryT]:
    """Look names up.

    Raises:
        ValueError: If a name is unknown, with its close matches, or does not fit the mode.
    """
    return [_choose_one(option, name, entries, mode) for name in names]


def _choose_one(option: str, name: str, entries: Mapping[str, EntryT], mode: str) -> EntryT:
    if name not in entries:
        close = difflib.get_close_matches(name, entries, n=3, cutoff=0.5)
        hint = (
            f"did you mean {', '.join(close)}?"
            if close
            else f"there are {len(entries)}, see --list-{option}s"
        )
        raise ValueError(f"unknown {option} {name!r}; {hint}")
    entry = entries[name]
    modes: tuple[str, ...] = getattr(entry, "modes", ())
    if mode not in modes:
        raise ValueError(f"{option} {name!r} does not fit mode {mode!r}; accepted: {', '.join(modes)}")
    return entry
