"""Charts of a network beside a reader: what they say can be read."""

from itertools import combinations

import numpy as np

from birads_lib.figures import reader
from birads_lib.scores import operating

MARKS = {"Screening": 0.006, "This study": 0.48, "The paper's test part": 0.5}


def test_names_of_prevalences_cover_neither_each_other_nor_a_curve():
    grid = np.geomspace(0.003, 0.7, 200)
    of = operating.ppv_at
    lines = {"Network": of(grid, 0.47, 0.63), "Reader": of(grid, 1, 0.3)}
    figure = reader.predictive_values(grid, lines, MARKS)
    figure.draw_without_rendering()
    ax = figure.axes[0]
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == len(MARKS)
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    for values in lines.values():
        points = ax.transData.transform(np.column_stack([100 * grid, 100 * values]))
        assert not any(box.contains(*point) for box in boxes for point in points)
