"""Where in a YAML text a word stands, and what is wrong there."""

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Final

import yaml
from pydantic import ValidationError

from drivers.errors import PlatformError

_MISSING: Final = "Field required"
_EXTRA: Final = "Extra inputs are not permitted"
_NO_MAPPING: Final = frozenset({"dict_type", "mapping_type", "model_type"})
_LINES: Final = "write `word: value` here, one a line or all in {}"
_ADD_IT: Final = "is missing, add it"
_NEAR: Final = 0.6
_TAB: Final = re.compile(r"[ -]*\t")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


Path = tuple[int | str, ...]


def place_of(text: str, path: Path) -> tuple[int, str]:
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
        line, reason = _not_yaml(error, text)
        raise PlatformError(f"{where}:{line}", reason) from error


def _not_yaml(error: Exception, text: str) -> tuple[int, str]:
    """Line and reason, in the words of PyYAML."""
    if isinstance(error, yaml.reader.ReaderError):
        return text.count("\n", 0, error.position) + 1, f"this is not YAML: {error.reason}"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return 1, "this is not YAML: nested too deep, or not text"
    line = error.problem_mark.line + 1
    written = text.splitlines()[line - 1 : line]
    if written and _TAB.match(written[0]):
        return line, "there is a tab; write spaces"
    began = error.context_mark.line + 1 if error.context_mark else line
    since = f", {error.context} that began in line {began}" if error.context else ""
    return line, f"this is not YAML: {error.problem}{since}"


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


def near(word: object, known: Iterable[str]) -> str:
    """The nearest of the words that may stand here, as a question; empty when none is near."""
    close = get_close_matches(str(word), sorted(known), n=1, cutoff=_NEAR)
    return f"; did you mean {close[0]}?" if close else ""


def explain(
    error: ValidationError, root: yaml.Node | None, where: str, words: Callable[[Path], Iterable[str]]
) -> PlatformError:
    """All faults in one error, a line for each; `words` are those that may stand at the end of a path."""
    faults = []
    for fault in error.errors():
        path = fault["loc"]
        line, key = _place(root, path)
        why = _LINES if fault["type"] in _NO_MAPPING else fault["msg"].removeprefix("Value error, ")
        if why == _EXTRA:
            why = f"there is no such word or field here{near(path[-1], words(path))}"
        faults.append((line, key or "the file", why))
    faults.sort(key=lambda fault: (fault[2] == _MISSING, fault))  # a misspelt key tells more than its absence
    faults = list(dict.fromkeys(faults))
    first, *others = [
        (f"{where}:{line}", f"{key}: {_ADD_IT if why == _MISSING else why}") for line, key, why in faults
    ]
    return PlatformError(first[0], "\n".join((first[1], *(f"{place}: {text}" for place, text in others))))


def _place(root: yaml.Node | None, path: Path) -> tuple[int, str]:
    """Line and name of the deepest word on the path that is in the file, and of one that is missing there."""
    line, words, node = _deepest(root, path)
    last = path[-1] if path else ""
    missing = isinstance(node, yaml.MappingNode) and _written(last) and words[-1:] != [last]
    return line, ".".join([*words, *([str(last)] if missing else [])])


def _deepest(node: yaml.Node | None, path: Path) -> tuple[int, list[str], yaml.Node | None]:
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
