"""The part of Python source that decides what a program does."""

import ast
import builtins
from functools import cache

# Who calls one of these may ask for a variable by its name; pandas' `query` does for "@name".
_BY_NAME = {"locals", "vars", "dir", "eval", "exec", "query", "_getframe", "currentframe"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BINDING = (
    *_FUNCTIONS, ast.ClassDef, ast.arg, ast.alias, ast.Global, ast.Nonlocal, ast.ExceptHandler,
    ast.MatchAs, ast.MatchStar, ast.MatchMapping,
)  # fmt: skip
_WITHOUT_MEANING = {"ctx", "kind", "type_comment", "type_ignores"}


@cache  # a module is among those of most notebooks
def code_of(source: bytes) -> bytes:
    """Return the code of Python source as a text that is equal however the source is written.

    Docstrings, comments, layout and the names of a function's own variables don't count. What
    other code may name does: parameters, functions, classes, attributes, the names of a module.
    Unlike that of ``ast.dump``, the text is the same in all versions of Python that we support.
    """
    tree = ast.parse(source)
    return _text(tree, set(dir(builtins)) | _names_outside_functions(tree), None).encode()


def _text(node: object, public: set[str], numbers: dict[str, int] | None) -> str:
    """Return a part of a syntax tree as text.

    ``public``: names that have a meaning in the whole module. ``numbers``: those of the variables
    of the function around the node; None outside of functions.
    """
    if isinstance(node, list):
        return f"[{','.join(_text(part, public, numbers) for part in node)}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if numbers and isinstance(node, ast.Name) and node.id in numbers:
        return f"variable {numbers[node.id]}"
    is_outermost = numbers is None and isinstance(node, _FUNCTIONS)
    parts = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            value = [part for part in value if _counts(part, node)]
        # A field that a later Python adds is empty for code of an earlier one.
        if name not in _WITHOUT_MEANING and value is not None and value != []:
            begins = is_outermost and name == "body"
            inner = _variables(node, public) if begins else numbers
            parts.append(f"{name}={_text(value, public, inner)}")
    return f"{type(node).__name__}({','.join(parts)})"


def _counts(part: object, whole: ast.AST) -> bool:
    """Return whether a part of a list does anything; a text alone doesn't, docstring or not."""
    if isinstance(whole, ast.JoinedStr):  # Python 3.12.1 ends a nested format with an empty text
        return not (isinstance(part, ast.Constant) and part.value == "")
    is_constant = isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
    return not (is_constant and isinstance(part.value.value, str))


def _variables(function: ast.AST, public: set[str]) -> dict[str, int]:
    """Return a number for each variable of a function that no other code can name.

    A name that anything within the function has for something else as well is none of them.
    """
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    called = {getattr(node, "id", getattr(node, "attr", "")) for node in nodes}
    if called & _BY_NAME:
        return {}
    kept = public.union(*map(_named, nodes), *map(_named, ast.walk(function.args)))
    stored = (n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load))
    counted = dict.fromkeys(name for name in stored if name not in kept)
    return {name: number for number, name in enumerate(counted)}


def _named(node: ast.AST) -> set[str]:
    """Return the names that a node binds other than by an assignment, or as attributes."""
    if not isinstance(node, _BINDING):
        return set()
    if isinstance(node, ast.ClassDef):
        return _names_outside_functions(node) | {node.name}
    if isinstance(node, ast.Global | ast.Nonlocal):
        return set(node.names)
    if isinstance(node, ast.alias):
        return {node.asname or node.name.partition(".")[0]}
    return {getattr(node, field, None) for field in ("name", "arg", "rest")}


def _names_outside_functions(tree: ast.AST) -> set[str]:
    """Return all names in a module or a class that stand in no function."""
    names, nodes = set(), list(ast.iter_child_nodes(tree))
    for node in nodes:  # which grows
        names |= {node.id} if isinstance(node, ast.Name) else _named(node)
        if not isinstance(node, _FUNCTIONS):
            nodes += ast.iter_child_nodes(node)
    return names
