"""A whole study, made again from its images by `make verify FIG=all`, with a receipt."""

from helpers.codecheck import broken
from helpers.project import run_module
from press.report import receipts


def test_a_study_made_again_from_the_images_is_the_same(undisturbed, tmp_path):
    project = undisturbed.copy(tmp_path / "project")
    done = project.run()  # the pages that are not there yet
    assert done.returncode == 0, done.stdout
    done = run_module(
        project.root, "press.verification.receipt", "tiny.yaml", "", "", "Ada Lovelace"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    folder = project.root / "receipts/tiny-ada-lovelace"
    assert set(receipts.read(folder).exhibits["verdict"]) == {"equal"}
    assert broken(folder) == {"CC-CFG-020", "CC-CFG-025"}
    made = [path.name for path in (project.root / "results/.checked/pages/tiny").glob("*.ipynb")]
    assert sorted(made) == sorted(path.name for path in project.pages.glob("*.ipynb"))
    assert not [p for p in (project.root / "results/.checked").rglob("*") if p.is_symlink()]
