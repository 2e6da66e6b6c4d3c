"""Tables as pages show them."""

import numpy as np
import pandas as pd

from press.pages import outputs


def test_what_could_not_be_estimated_is_said_in_a_table():
    table = pd.DataFrame({"metric": ["a", "b"], "low": [0.25, np.nan], "images": [3, 4]})
    html = outputs.table_html(table)
    assert "<td>0.250</td>" in html
    assert "<td>not estimable</td>" in html
    assert "NaN" not in html
    assert "<td>3</td>" in html
