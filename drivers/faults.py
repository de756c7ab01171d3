"""Where in a YAML text a word stands, and what is wrong there."""

from collections.abc import Iterator
from typing import Final

import yaml
from pydantic import ValidationError

from drivers.errors import PlatformError

_MISSING: Final = "Field required"
_EXTRA: Final = "Extra inputs are not permitted"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def place_of(text: str, path: tuple[int | str, ...]) -> tuple[int, str]:
    """Line and words of the deepest part of `path` that a platform.yaml spells out."""
    root = yaml.compose(text, Loader=_LOADER)
    line, words, _ = _deepest(root, path)
    return line, ".".join(words)


def parse(text: str, where: str) -> tuple[yaml.Node | None, object]:
    """The tree of a text and what it says. Raises PlatformError: not YAML, or a word twice."""
    try:
        loader = _LOADER(text)
        root = loader.get_single_node()
        for line, word in _twice(root, set()):
            raise PlatformError(f"{where}:{line}", f"{word}: is there twice", "write it once, as a list")
        return root, None if root is None else loader.construct_document(root)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = 1 if mark is None else mark.line + 1
        raise PlatformError(f"{where}:{line}", "this is not YAML", "check the indentation") from error


def _twice(node: yaml.Node | None, seen: set[int]) -> Iterator[tuple[int, str]]:
    """Words that a mapping has already; YAML would silently take the last."""
    if id(node) in seen or not isinstance(node, yaml.CollectionNode):
        return
    seen.add(id(node))
    words: set[str] = set()
    for inner in node.value:
        if isinstance(inner, yaml.Node):
            yield from _twice(inner, seen)
            continue
        key, value = inner
        if isinstance(key, yaml.ScalarNode):
            if key.value in words:
                yield key.start_mark.line + 1, key.value
            words.add(key.value)
        yield from _twice(value, seen)


def explain(error: ValidationError, root: yaml.Node | None, where: str) -> PlatformError:
    """All faults in one error, at the line of the first."""
    faults = []
    for fault in error.errors():
        line, key = _place(root, fault["loc"])
        why = (
            fault["msg"].removeprefix("Value error, ").replace(_EXTRA, "there is no such word or field here")
        )
        faults.append((line, key or "the file", why))
    faults.sort(key=lambda fault: (fault[2] == _MISSING, fault))  # a misspelt key tells more than its absence
    faults = list(dict.fromkeys(faults))
    first, *others = [f"{key}: {why}" for _, key, why in faults]
    rest = [f"line {line}: {text}" for (line, _, _), text in zip(faults[1:], others, strict=True)]
    return PlatformError(f"{where}:{faults[0][0]}", "; ".join((first, *rest)))


def _place(root: yaml.Node | None, path: tuple[int | str, ...]) -> tuple[int, str]:
    """Line and name of the deepest word on the path that is in the file, and of one that is missing there."""
    line, words, node = _deepest(root, path)
    last = path[-1] if path else ""
    missing = isinstance(node, yaml.MappingNode) and _written(last) and words[-1:] != [last]
    return line, ".".join([*words, *([str(last)] if missing else [])])


def _deepest(node: yaml.Node | None, path: tuple[int | str, ...]) -> tuple[int, list[str], yaml.Node | None]:
    """A path has steps that nobody wrote: `fields`, the 0 of a thing that stands alone, names of types."""
    line, words = node.start_mark.line + 1 if node else 1, []
    for step in path:
        below = _below(node, step)
        if below is not None:
            line, node = below[0].start_mark.line + 1, below[1]
            words.append(str(step))
    return line, words, node


def _below(node: yaml.Node | None, step: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _written(step: int | str) -> bool:
    return isinstance(step, str) and step.isidentifier() and step != "fields"
