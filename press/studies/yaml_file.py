"""YAML files that people write, held against pydantic models: all problems at once, by line."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BeforeValidator, ValidationError

from birads_lib.checked import Checked, Problems, sentences
from birads_lib.errors import UserError

Lines = dict[tuple, int]  # path of keys -> line
_NUMBER = re.compile(r"[-+]?(0|[1-9]\d*)?(\.\d*)?([eE][-+]?\d+)?")  # as people write it
MOST = 100_000  # values in a file, those that aliases repeat counted each time


class _Loader(yaml.SafeLoader):
    """YAML as people write it: 1e-4 is a number, which YAML 1.1 takes for a text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def _with_content(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("is missing, or no text")
    return value


Text = Annotated[str, BeforeValidator(_with_content)]


def read(path: Path, keys: Iterable[str]) -> tuple[dict, Lines]:
    """Return the mapping of ``keys`` that a YAML file holds, and the line of each path of keys.

    Raises UserError where there is no such file, or no mapping in it.
    """
    try:
        text = _text(path)
        node = yaml.compose(text, _Loader)
        _check_aliases(path, node)
        _check_words(path, node)
        content, lines = yaml.load(text, _Loader), _lines(node)
    except FileNotFoundError:
        raise UserError(f"there is no {path.name} in {path.parent}") from None
    except (yaml.YAMLError, ValueError) as error:  # the latter of a number that has no end
        raise UserError(f"{path} is not valid YAML: {error}{_tab_hint(error)}") from None
    except RecursionError:
        raise UserError(f"{path}: lists or mappings are nested too deeply") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a mapping with the keys {', '.join(keys)}")
    return content, lines


def _text(path: Path) -> str:
    """Return a file's text; raise UserError with the line of a byte that isn't UTF-8."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"the byte 0x{data[error.start]:02x} is no UTF-8; save the file as UTF-8"
        raise UserError(f"{path}, line {line}: {problem}") from None


def _tab_hint(error: Exception) -> str:
    return "; indent by blanks, not by tabs" if "'\\t'" in str(error) else ""


def _check_words(path: Path, root: yaml.Node | None) -> None:
    """Raise UserError for each key that is given twice, and each value that YAML takes for another.

    YAML 1.1 reads 010 as 8, 1_000 as 1000, 1:30 as 90, ``no`` as false, 2024-01-02 as a date.
    """
    problems: set[tuple[int, str]] = set()
    queue, visited = [root] if root else [], set()
    while queue:
        node = queue.pop()
        if node in visited:
            continue
        visited.add(node)
        queue += _children(node)
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            problems |= set(_repeated(node))
        elif isinstance(node, yaml.ScalarNode) and (problem := _misread(node)):
            problems.add((line, problem))
    if problems:
        raise UserError(
            "\n".join(f"{path}, line {line}: {problem}" for line, problem in sorted(problems))
        )


def _repeated(node: yaml.MappingNode) -> Iterator[tuple[int, str]]:
    """Yield the line of each key that a mapping has a second time, and what to do."""
    first: dict[tuple[str, str], int] = {}
    for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
        line, name = key.start_mark.line + 1, (key.tag, key.value)
        if name in first:
            yield line, f"'{key.value}' is given twice, first in line {first[name]}; remove one"
        first.setdefault(name, line)


def _misread(node: yaml.ScalarNode) -> str:
    """Return the problem of a bare value that YAML takes for another; else nothing."""
    kind, text = node.tag.rpartition(":")[2], node.value
    quoted = f"'{text}' in quotes for a text"
    if node.style is not None:
        return ""
    if kind == "bool" and text.lower() not in ("true", "false"):
        truth = "true" if text.lower() in ("yes", "on") else "false"
        return f"YAML reads {text} as {truth}; write {truth}, or {quoted}"
    if kind == "timestamp":
        return f"YAML reads {text} as a date; write {quoted}"
    is_plain = _NUMBER.fullmatch(text) or text.lower().lstrip("+-") in (".inf", ".nan")
    if kind in ("int", "float") and not is_plain:
        return f"YAML reads {text} as {yaml.load(text, _Loader)}; write that, or {quoted}"
    return ""


def _check_aliases(path: Path, root: yaml.Node | None) -> None:
    """Raise UserError for an alias within what it stands for, or aliases that repeat too much."""
    sizes: dict[yaml.Node, int] = {}  # nodes below each that was measured, and itself
    within: set[yaml.Node] = set()

    def size(node: yaml.Node) -> int:
        if node in within:
            problem = "an alias stands within what it repeats, without end; remove it"
            raise UserError(f"{path}, line {node.start_mark.line + 1}: {problem}")
        if node not in sizes:
            within.add(node)
            sizes[node] = 1 + sum(map(size, _children(node)))
            within.remove(node)
        return sizes[node]

    if root and size(root) > MOST:
        raise UserError(f"{path}: its aliases make {size(root):,} values, more than {MOST:,}")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _lines(node: yaml.Node, prefix: tuple = ()) -> Lines:
    """Return the line on which each path of keys stands; items of lists count from 0."""
    if isinstance(node, yaml.SequenceNode):
        children = [(place, item, item) for place, item in enumerate(node.value)]
    elif isinstance(node, yaml.MappingNode):
        children = [(key.value, key, value) for key, value in node.value]
    else:
        return {}
    lines = {}
    for name, start, value in children:
        lines[*prefix, name] = start.start_mark.line + 1
        lines |= _lines(value, (*prefix, name))
    return lines


def problems(model: type[Checked], content: object) -> Problems:
    """Return all that is wrong with a file's content, each with its path of keys."""
    try:
        model.model_validate(content)
    except ValidationError as error:
        return sentences(error)
    return []


def checked(
    path: Path, model: type[Checked], content: object, lines: Lines, further: Problems = ()
) -> Checked:
    """Return a file's content as its model; raise UserError for what is wrong, and what further."""
    try:
        read, wrong = model.model_validate(content), []
    except ValidationError as error:
        read, wrong = None, sentences(error)
    refuse(path, lines, [*wrong, *further])
    return read


def refuse(path: str | Path, lines: Lines, problems: Problems) -> None:
    """Raise UserError naming file and line of every problem, if there are any."""
    placed = sorted({(_line(lines, keys), problem) for keys, problem in problems})
    if placed:
        raise UserError("\n".join(f"{path}, line {line}: {problem}" for line, problem in placed))


def _line(lines: Lines, keys: tuple) -> int:
    """Return the line of a key, or of what it stands in where it was merged from elsewhere."""
    while keys and keys not in lines:
        keys = keys[:-1]
    return lines.get(keys, 1)
