"""The printed report of a check has its counts, and each problem once."""

from press.verification.checks import Report, print_report


def test_where_nothing_was_checked_nothing_holds(capsys):
    report = Report(notes=["not rendered here"])
    report.checked["numbers for prose"] += 0
    print_report("s", report, 0.25)
    text = capsys.readouterr().out
    assert text == "s: nothing to check; 0.2 s\n  note: not rendered here\n"


def test_each_problem_is_printed_and_counted_once(capsys):
    report = Report(unheld=1200)
    for problem in ("b", "a", "b"):
        report.check("pages", False, problem)
    print_report("s", report, 0.25)
    assert capsys.readouterr().out.splitlines() == [
        "s: 3 pages; 0.2 s", "  not held against anything: 1,200 numbers for prose",
        "  PROBLEM: b", "  PROBLEM: a", "  2 problems",
    ]  # fmt: skip
    print_report("s", Report(problems=["a", "a"]), 0.25)
    assert capsys.readouterr().out.endswith("  1 problem\n")
    report = Report()
    report.check("pages", True, "")
    print_report("s", report, 0.25)
    assert capsys.readouterr().out.endswith("  all hold\n")
