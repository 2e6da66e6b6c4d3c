"""The digest of Python source depends on what it does, not on how it is written."""

import ast
import symtable
from pathlib import Path

import pytest

import birads_lib
from birads_lib import source_code
from birads_lib.files import sha256_of
from birads_lib.source_code import code_of

CODE = """import a

def f(x=1):
    total, rest = x, a.b
    for step in rest:
        total += step
    return f"a  # {total:>{x}}" + "b"
"""
SAME = '''#!/usr/bin/env python
"""A docstring
over lines."""  # and a comment

import a  # for f

def f(x=1):
    """Return something else.

    At length."""

    # why
    result, parts = (x, a.b,)
    for part in (
        parts
    ):
        result += part
    "a text alone"
    return f"a  # {result:>{x}}" + 'b'

'''


def code(source: str) -> bytes:
    return code_of(source.encode())


def test_layout_comments_and_a_functions_own_names_do_not_count():
    assert code(SAME) == code(CODE)
    assert code('"""Only a docstring."""\n') == code("# Only a comment.") == code("")


@pytest.mark.parametrize(
    ("written", "other"),
    [
        ("x=1", "x=2"),
        ("x", "y"),  # a parameter, which callers may name
        ("def f", "def g"),
        ("import a", "import c as a"),
        ("a.b", "a.c"),
        ("a  #", "a #"),
        (":>{", ":<{"),
        ('"b"', 'b"b"'),
        ("total += step", "total -= step"),
        ("total += step", "step += total"),
        ("return ", "yield "),
        ("total, rest =", "rest, total ="),
        ("{total", "{total=}{total"),  # a page may show a name so
    ],
)
def test_what_changes_a_result_counts(written, other):
    assert written in CODE
    assert code(CODE.replace(written, other)) != code(CODE)


@pytest.mark.parametrize(
    "body",
    [
        "global x\n    x = 1",
        "x = 1\n    def g():\n        nonlocal x\n        x = 2",
        "x = 1\n    return locals()",
        "x = [1]\n    return table.query('a in @x')",
        "import x\n    return 1",
        "class A:\n        x = 1\n    return A.x",
        "def x(): return 1\n    return x.__name__",
        "return lambda x: 1",
        "y = lambda x: x\n    x = 1\n    return x",
        "try: g()\n    except E as x: pass",
        "match g():\n        case {**x}: pass",
        "return g(x=1)",
    ],
)
def test_names_that_other_code_may_see_count(body):
    source = f"def f():\n    {body}\n"
    assert code(source) != code(source.replace("x", "z").replace("ezcept E", "except E"))


@pytest.mark.parametrize("at_top", ["x = z = 1", "import x, z", "class x: z = 1"])
def test_names_of_the_module_count_in_its_functions(at_top):
    source = f"{at_top}\ndef f():\n    return [x for x in g()]\n"
    assert code(source) != code(source.replace("[x for x", "[z for z"))


def test_variables_are_local_by_pythons_own_table_of_symbols():
    for path in Path(birads_lib.__file__).parent.rglob("*.py"):
        source = path.read_text()
        tree = ast.parse(source)
        public = source_code._names_outside_functions(tree)
        tables = {
            (table.get_name(), table.get_lineno()): table
            for table in outermost_functions(symtable.symtable(source, path.name, "exec"))
        }
        for node in ast.walk(tree):
            if table := isinstance(node, ast.FunctionDef) and tables.get((node.name, node.lineno)):
                variables = source_code._variables(node, public)
                assert not variables.keys() & names_used_otherwise(table), (path, node.name)


def outermost_functions(table: symtable.SymbolTable) -> list[symtable.SymbolTable]:
    if table.get_type() == "function":
        return [table]
    return [function for child in table.get_children() for function in outermost_functions(child)]


def names_used_otherwise(table: symtable.SymbolTable) -> set[str]:
    """Names that a function, or a scope within it, takes from outside or has as a parameter."""
    names = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_global() or symbol.is_parameter() or symbol.is_imported()
    }
    return names.union(*map(names_used_otherwise, table.get_children()))


def test_all_versions_of_python_read_the_same():
    by_python_3_11 = "5b5c8e67c82ff0ab192d9d2a174bbc8bd905c20b4721ea278b37d0ff290aeed5"
    assert sha256_of(code(CODE)) == by_python_3_11
