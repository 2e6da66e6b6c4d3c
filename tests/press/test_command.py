"""Commands: their status, the start of Snakemake, and mistakes that are listed together."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from birads_lib.errors import UserError
from press import command, problems


@pytest.mark.parametrize("status", [None, 0, 1])
def test_a_command_has_its_words_and_ends_with_its_status(monkeypatch, status):
    monkeypatch.setattr(sys, "argv", ["press.x", "a", "b"])
    seen = []
    with pytest.raises(SystemExit) as ended:
        command.run(lambda *words: seen.append(words) or status)
    assert (ended.value.code, seen) == (status, [("a", "b")])


def test_a_users_mistake_is_said_and_no_traceback(monkeypatch):
    def refuse():
        raise UserError("do this")

    monkeypatch.setattr(sys, "argv", ["press.x"])
    with pytest.raises(SystemExit) as ended:
        command.run(refuse)
    assert ended.value.code == "do this"  # Python prints it, and the status is 1


def test_snakemake_is_given_each_option_as_a_text(monkeypatch):
    started, done = [], SimpleNamespace(returncode=0)
    monkeypatch.setattr(subprocess, "run", lambda words, **_: started.append(words) or done)
    options = {"study": "2024.yaml", "data": "it's 1e3", "weights": ""}
    command.snakemake(options, ["--", "a"], "it stopped")
    config = started[0][started[0].index("--config") + 1 :]
    assert config == ["study=['2024.yaml']", "data=['it''s 1e3']", "--", "a"]
    done.returncode = 1
    with pytest.raises(UserError, match="it stopped"):
        command.snakemake(options, [], "it stopped")


def test_what_several_checks_find_is_said_at_once():
    found = []
    for text in ("one", "two\nthree", "one"):
        with problems.noted(found):
            raise UserError(text)
    with pytest.raises(UserError) as error:
        problems.refuse(found)
    assert str(error.value) == "one\ntwo\nthree"
    problems.refuse([])
