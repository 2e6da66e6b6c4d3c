"""Published sets in their official layouts, in small, and themselves where they are at hand."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import DatasetError
from birads_lib.readers import by_name
from birads_lib.task import DENSITY, MALIGNANCY, Task
from helpers.pictures import mammogram, notes_of, picture, problems_of, write

SEVERITY = Task("label", "Severity", "", ("normal", "benign", "malignant"))
TISSUE = Task("label", "Tissue", "", ("F", "G", "D"), ordinal=False)

# --- mini-MIAS

INFO = """This file lists the films in the MIAS database
mdb001 G CIRC B 535 425 197
mdb002 G NORM
mdb003 D CIRC B 477 133 30
mdb003 D SPIC M 500 168 26
mdb005 F CALC M *NOTE 3*
mdb006 F NORM
"""


def mini_mias(root, size=(16, 20)):
    names = ("mdb001", "mdb002", "preprocessed_mdb003", "mdb005")
    films = {f"{name}.pgm": picture(n, size, "PPM") for n, name in enumerate(names)}
    return write(root, films | {"Info.txt": INFO})


def test_mini_mias_has_malignancy_pairs_and_sides(tmp_path):
    dataset = by_name.read("mini_mias", mini_mias(tmp_path), task=MALIGNANCY)
    cases = dataset.cases.set_index("image_id")
    assert cases["malignancy"].to_dict() == {
        "001": "benign", "003": "malignant", "005": "malignant",
    }  # fmt: skip
    assert cases["patient_id"].tolist() == ["001-002", "003-004", "005-006"]
    assert set(cases["laterality"]) == {"R"}
    assert dataset.findings["kind"].tolist() == ["mass", "mass", "mass", "calcification"]
    assert dataset.findings["x0"].isna().all()
    told = notes_of(dataset)
    assert "1 of 4 images are left out: the set gives them no Histology (benign, malignant)" in told
    assert "1 films of Info.txt are not here" in told
    assert "findings have no place" in told


def test_mini_mias_gives_labels_of_ones_own(tmp_path):
    folder = mini_mias(tmp_path)
    labels = by_name.read("mini_mias", folder, task=SEVERITY).cases["label"].tolist()
    assert labels == ["benign", "normal", "malignant", "malignant"]
    labels = by_name.read("mini_mias", folder, task=TISSUE).cases["label"].tolist()
    assert labels == ["G", "G", "D", "F"]


def test_mini_mias_has_no_birads(tmp_path):
    (line,) = problems_of("mini_mias", mini_mias(tmp_path))
    assert line.startswith("it gives none of the 4 images a BI-RADS category (1, 2, 3, 4, 5); ")


def test_circles_of_films_of_the_official_size_count_from_the_bottom(tmp_path):
    folder = write(tmp_path, {"mdb001.pgm": picture(1, (1024, 1024), "PPM"), "Info.txt": INFO})
    finding = by_name.read("mini_mias", folder, task=SEVERITY).findings.iloc[0]
    assert finding[["x0", "y0", "x1", "y1"]].tolist() == [338, 402, 732, 796]


def test_problems_of_mini_mias(tmp_path):
    files = {"mdb009.pgm": picture(1), "film.pgm": picture(2), "Info.txt": INFO + "mdb007 X NORM\n"}
    problems = problems_of("mini_mias", write(tmp_path, files))
    assert problems == [
        "'film.pgm' has no film's number, such as mdb001; rename or remove it",
        "line 8 of Info.txt can't be read: 'mdb007 X NORM'",
        "'mdb009.pgm' has no line mdb009 in Info.txt",
    ]
    (tmp_path / "Info.txt").unlink()
    assert "there is no Info.txt or Info_lines.txt" in problems_of("mini_mias", tmp_path)[1]


def test_real_mini_mias(shared_data):
    folder = shared_data / "mini_mias"
    if not folder.is_dir():
        pytest.skip("mini-MIAS is not among the restricted data here")
    dataset = by_name.read("mini_mias", folder, task=SEVERITY)
    assert dataset.cases["label"].value_counts().to_dict() == {
        "normal": 207, "benign": 63, "malignant": 52,
    }  # fmt: skip
    assert dataset.cases["patient_id"].value_counts().unique().tolist() == [2]
    tissue = by_name.read("mini_mias", folder, task=TISSUE, pixels=False).cases["label"]
    assert tissue.value_counts().to_dict() == {"D": 112, "F": 106, "G": 104}


# --- VinDr-Mammo

BREASTS = (
    "study_id,series_id,laterality,image_id,view_position,height,width,breast_birads,"
    "breast_density,split\n"
    "e1,s1,L,i1,CC,40,32,BI-RADS 2,DENSITY C,training\n"
    "e1,s1,R,i2,MLO,40,32,BI-RADS 4,DENSITY C,training\n"
    "e2,s2,L,i3,CC,40,32,BI-RADS 1,DENSITY A,test\n"
    "e2,s2,L,i4,MLO,40,32,BI-RADS 1,DENSITY A,test\n"
)
BOXES = (
    "study_id,image_id,finding_categories,finding_birads,xmin,ymin,xmax,ymax\n"
    "e1,i1,['No Finding'],,,,,\n"
    "e1,i2,\"['Mass', 'Suspicious Calcification']\",BI-RADS 4,8.0,4,16,20\n"
    "e2,i4,['Mass'],BI-RADS 4,8,4,16,20\n"
)
VINDR = {"breast-level_annotations.csv": BREASTS, "finding_annotations.csv": BOXES}


def vindr(root):
    tags = {"ImageLaterality": "R", "ViewPosition": "MLO", "Manufacturer": "SIEMENS"}
    return write(root, VINDR | {
        "images/e1/i1.dicom": mammogram(1, (32, 40)),
        "images/e1/i2.dicom": mammogram(2, (32, 40), **tags),
        "images/e2/i3.dicom": mammogram(3, (32, 40), ImageLaterality="R"),
    })  # fmt: skip


def test_vindr_mammo_in_small(tmp_path):
    dataset = by_name.read("vindr_mammo", vindr(tmp_path))
    cases = dataset.cases.set_index("image_id")
    assert cases["birads"].to_dict() == {"i1": 2, "i2": 4, "i3": 1}
    assert cases["birads_original"]["i2"] == "BI-RADS 4"
    assert cases["density"].tolist() == ["C", "C", "A"]
    assert cases["patient_id"].tolist() == ["e1", "e1", "e2"]
    assert cases["split"].tolist() == ["train", "train", "test"]
    assert cases["laterality"].tolist() == ["L", "R", "L"]
    assert cases["machine"].fillna("").tolist() == ["", "SIEMENS", ""]
    boxes = dataset.findings[["image_id", "kind", "x0", "y0", "x1", "y1"]].to_numpy().tolist()
    assert boxes == [["i2", "mass", 8, 4, 16, 20], ["i2", "calcification", 8, 4, 16, 20]]
    told = notes_of(dataset)
    assert "1 images of breast-level_annotations.csv are not here" in told
    assert "each exam counts as one" in told
    assert "differ in the side: the table is taken (1 files): images/e2/i3.dicom" in told
    assert len(dataset.annotations) == 2


def test_boxes_of_vindr_are_scaled_to_copies(tmp_path):
    folder = write(tmp_path, VINDR | {"png/i2.png": picture(1, (16, 20))})
    findings = by_name.read("vindr_mammo", folder, task=DENSITY).findings
    assert findings[["x0", "y0", "x1", "y1"]].iloc[0].tolist() == [4, 2, 8, 10]


def test_problems_of_vindr(tmp_path):
    assert problems_of("vindr_mammo", tmp_path) == [
        "there is no table 'breast-level_annotations.csv'; copy it into the folder",
        "there is no table 'finding_annotations.csv'; copy it into the folder",
    ]
    breasts = BREASTS.replace("BI-RADS 2", "BI-RADS 9").replace("view_position", "view")
    files = {"breast-level_annotations.csv": breasts, "finding_annotations.csv": BOXES}
    (line,) = problems_of("vindr_mammo", write(tmp_path, files))
    assert line.startswith("breast-level_annotations.csv lacks view_position; it has study_id")
    breasts = BREASTS.replace("BI-RADS 2", "BI-RADS 9") + BREASTS.splitlines()[-1] + "\n"
    folder = write(vindr(tmp_path), {"breast-level_annotations.csv": breasts})
    problems = problems_of("vindr_mammo", folder)
    assert problems[0] == "rows 5, 6 of breast-level_annotations.csv are of one image; remove one"
    assert "row 2 of breast-level_annotations.csv: the BI-RADS category 'BI-RADS 9'" in problems[1]
    folder = write(tmp_path / "none", VINDR)
    assert "there are no images; expected images/" in problems_of("vindr_mammo", folder)[0]


# --- CBIS-DDSM

HEAD = (
    "patient_id,{},left or right breast,image view,abnormality id,abnormality type,{},{},"
    "assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path\n"
)
MASS = HEAD.format("breast_density", "mass shape", "mass margins")
CALC = HEAD.format("breast density", "calc type", "calc distribution")
END = ',4,x/000000.dcm,"y/000001.dcm\n","z/000000.dcm\n"\n'
MASS_TRAIN = (
    MASS + "P_00001,3,LEFT,CC,1,mass,OVAL,SPICULATED,4,MALIGNANT" + END
    + "P_00001,3,LEFT,CC,2,mass,ROUND,OBSCURED,2,BENIGN_WITHOUT_CALLBACK" + END
    + "P_00002,0,RIGHT,MLO,1,mass,ROUND,OBSCURED,0,BENIGN" + END
)  # fmt: skip
CALC_TEST = CALC + "P_00001,3,LEFT,CC,1,calcification,PLEOMORPHIC,CLUSTERED,5,MALIGNANT" + END
CBIS = {
    "mass_case_description_train_set.csv": MASS_TRAIN,
    "calc_case_description_test_set.csv": CALC_TEST,
}


def mask(seed: int) -> bytes:
    pixels = np.zeros((20, 16), np.uint8)
    pixels[4 : 8 + seed, 2:6] = 255
    return mammogram(seed, pixels=pixels)


def official(root):
    first, second = "Mass-Training_P_00001_LEFT_CC", "Mass-Training_P_00002_RIGHT_MLO"
    return write(root, CBIS | {
        f"CBIS-DDSM/{first}/1.3.6/1.3.7/1-1.dcm": mammogram(1),
        f"CBIS-DDSM/{first}_1/1.3.8/1-1.dcm": mammogram(2, (6, 6)),
        f"CBIS-DDSM/{first}_1/1.3.8/1-2.dcm": mask(1),
        f"CBIS-DDSM/{first}_2/1.3.9/1-1.dcm": mammogram(3, (6, 6)),
        f"CBIS-DDSM/{second}/01-01-2016-DDSM/1.0-full/1-1.dcm": mammogram(4),
        "CBIS-DDSM/Calc-Test_P_00001_LEFT_CC/1.3.6/1-1.dcm": mammogram(1),
    })  # fmt: skip


def test_cbis_ddsm_in_small(tmp_path):
    dataset = by_name.read("cbis_ddsm", official(tmp_path), abnormalities="mass")
    (case,) = dataset.cases.to_dict("records")
    assert (case["image_id"], case["patient_id"]) == ("00001_LEFT_CC", "P_00001")
    assert (case["laterality"], case["view"], case["density"]) == ("L", "CC", "C")
    assert (case["birads"], case["malignancy"], case["split"]) == (4, "malignant", "train")
    placed, unplaced = dataset.findings.to_dict("records")
    assert (placed["kind"], placed["descriptors"]) == ("mass", "oval spiculated")
    assert [placed[side] for side in ("x0", "y0", "x1", "y1")] == [2, 4, 6, 9]
    assert placed["mask_path"].endswith("_CC_1/1.3.8/1-2.dcm")
    assert len(placed["mask_sha256"]) == 64
    assert pd.isna(unplaced["x0"])
    told = notes_of(dataset)
    assert "1 of 2 images are left out: the set gives them no BI-RADS category" in told
    assert "films that are here twice, as mass and calcification, count once (1 files)" in told
    assert "findings without a mask of their image's size have no place (1 files)" in told


def test_all_abnormalities_of_a_film_count(tmp_path):
    dataset = by_name.read("cbis_ddsm", official(tmp_path), task=MALIGNANCY)
    cases = dataset.cases.set_index("image_id")
    assert cases["malignancy"].tolist() == ["malignant", "benign"]
    assert cases["birads"]["00001_LEFT_CC"] == 5
    assert pd.isna(cases["split"]["00001_LEFT_CC"])
    assert (
        "images that are in both official parts, training and test, are given neither"
        in notes_of(dataset)
    )
    assert dataset.findings["kind"].tolist() == ["calcification", "mass", "mass", "mass"]


def test_a_finding_that_is_not_assessed_yet_leaves_its_film_without_a_category(tmp_path):
    folder = official(tmp_path)
    recalled = MASS_TRAIN.replace(",2,BENIGN_WITHOUT_CALLBACK", ",0,BENIGN_WITHOUT_CALLBACK")
    write(folder, {"mass_case_description_train_set.csv": recalled})
    dataset = by_name.read("cbis_ddsm", folder, task=MALIGNANCY)
    assert dataset.cases["birads"].isna().all()
    assert dataset.cases["birads_original"].tolist() == ["0", "0"]
    assert dataset.cases["malignancy"].tolist() == ["malignant", "benign"]
    assert (
        "images with a finding that is assessed 0, incomplete, have no category, although another "
        "of their findings has one (1 files)" in notes_of(dataset)
    )


@pytest.mark.parametrize("text", ["-1", "0.4"])
def test_negative_numbers_and_fractions_are_no_labels_of_published_sets(tmp_path, text):
    breasts = BREASTS.replace("BI-RADS 2,DENSITY C", f"{text},{text}")
    files = {"breast-level_annotations.csv": breasts}
    problems = problems_of("vindr_mammo", write(vindr(tmp_path / "vindr"), files))
    at = "row 2 of breast-level_annotations.csv"
    assert [line.split(";")[0] for line in problems] == [
        f"{at}: the BI-RADS category {text!r} is a negative number or a fraction",
        f"{at}: the density {text!r} is unknown",
    ]
    for old, new, what in [
        ("SPICULATED,4", f"SPICULATED,{text}", "assessment"),
        ("P_00001,3,LEFT,CC,2", f"P_00001,{text},LEFT,CC,2", "density"),
    ]:
        folder = official(tmp_path / what)
        write(folder, {"mass_case_description_train_set.csv": MASS_TRAIN.replace(old, new)})
        (line,) = problems_of("cbis_ddsm", folder)
        assert f"of mass_case_description_train_set.csv: the {what} {text!r} is unknown" in line


def test_pictures_of_cbis_ddsm_with_boxes(tmp_path):
    boxes = "file,split,x0,y0,x1,y1\n00001_LEFT_CC.jpg,train,0.25,0.5,0.5,1\n"
    files = {"mass_images/00001_LEFT_CC.jpg": picture(1, kind="JPEG"), "mass_boxes.csv": boxes}
    dataset = by_name.read("cbis_ddsm", write(tmp_path, CBIS | files))
    box, other = dataset.findings.to_dict("records")
    assert [box[side] for side in ("kind", "x0", "y0", "x1", "y1")] == ["mass", 4, 10, 8, 20]
    assert other["kind"] == "calcification"
    assert "1 images of the tables are not here" in notes_of(dataset)


def test_problems_of_cbis_ddsm(tmp_path):
    assert problems_of("cbis_ddsm", tmp_path)[0].startswith("there is no table mass_case")
    files = {
        "mass_case_description_train_set.csv": MASS_TRAIN.replace(",MALIGNANT", ",PERHAPS"),
        "calc_case_description_test_set.csv": CALC_TEST.replace("assessment", "grade"),
    }
    problems = problems_of("cbis_ddsm", write(official(tmp_path), files))
    assert any("calc_case_description_test_set.csv lacks assessment" in line for line in problems)
    assert "row 2 of mass_case_description_train_set.csv: the histology 'PERHAPS'" in problems[-1]
    folder = write(tmp_path / "x", CBIS)
    assert "there are no images of the tables" in problems_of("cbis_ddsm", folder)[0]


def test_real_cbis_ddsm(shared_data):
    folder = shared_data / "cbis_ddsm"
    if not folder.is_dir():
        pytest.skip("CBIS-DDSM is not among the restricted data here")
    dataset = by_name.read("cbis_ddsm", folder, task=MALIGNANCY, abnormalities="mass", pixels=False)
    cases = dataset.cases
    grades = cases["birads_original"].value_counts().sort_index().to_dict()
    assert grades == {"0": 162, "1": 3, "2": 62, "3": 325, "4": 679, "5": 361}
    assert cases["density"].value_counts().sort_index().tolist() == [290, 716, 435, 151]
    assert cases["malignancy"].value_counts()["malignant"] == 747
    assert cases["split"].value_counts().to_dict() == {"train": 1231, "test": 361}
    assert cases["patient_id"].nunique() == 892
    assert len(dataset.findings) == 1696
    assert dataset.findings["x0"].notna().all()


# --- a folder per category, as KAU-BCMD comes


def test_real_kau_sample(shared_data):
    folder = shared_data / "kau_sample"
    if not folder.is_dir():
        pytest.skip("the sample of KAU-BCMD is not among the restricted data here")
    pattern = r"(?P<patient>BC[0-9]+)_ (?P<view>CC|MLO)_(?P<laterality>[LR])"
    options = {"patient_pattern": pattern, "pixels": False}
    cases = by_name.read("class_folders", folder, **options).cases
    assert cases["birads"].value_counts().sort_index().to_dict() == {1: 6, 3: 5, 4: 5, 5: 5}
    assert cases["patient_id"].nunique() == 9
    assert set(cases["view"]) == {"CC", "MLO"}


@pytest.mark.parametrize("reader", ["mini_mias", "vindr_mammo", "cbis_ddsm", "table", "dicom"])
def test_a_folder_that_is_not_there_or_empty(tmp_path, reader):
    with pytest.raises(DatasetError, match="does not exist"):
        by_name.read(reader, tmp_path / "none")
    with pytest.raises(DatasetError, match="there"):
        by_name.read(reader, tmp_path)
