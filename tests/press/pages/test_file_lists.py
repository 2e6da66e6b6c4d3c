"""The pages that list the files of further data sets."""

import pytest

from press.pages import file_lists


@pytest.mark.parametrize(
    ("there", "kind", "place"),
    [
        ("31_regions", "intermediate image", ("31_regions", "intermediate-files")),
        ("35_real_transfer", "intermediate image", ("35_real_transfer", "intermediate-files")),
        ("14_patches", "intermediate mask", ("14_patches", "intermediate-files")),
        ("41_local_views", "learned image", ("41_local_views", "learned-files")),
        ("14_patches", "image", ("01_data_exploration", "image-files")),
        ("02_preprocessing", "elsewhere image", ("54_elsewhere", "elsewhere-files")),
    ],
)
def test_the_page_that_lists_a_kind_of_files_is_one_of_the_study(tmp_path, there, kind, place):
    (tmp_path / f"{there}.ipynb").write_text("{}")
    assert file_lists.place_of(kind, tmp_path) == place


def test_the_kind_of_files_is_named_as_passports_have_it_and_once_had_it():
    for name, kind in (("intermediate mask files", "intermediate mask"), ("images", "image")):
        assert file_lists.kind_of({"name": name}) == kind
