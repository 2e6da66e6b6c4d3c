"""Gives each code cell of an executed notebook an address on its page, ``#cell-<its id>``.

The passport of a figure leads there.
"""

import json

from docutils import nodes


def setup(app):
    app.connect("doctree-read", add_anchors)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def add_anchors(app, doctree):
    path = app.env.doc2path(app.env.docname)
    if not path.endswith(".ipynb"):
        return
    with open(path) as file:
        cells = json.load(file)["cells"]
    for node in doctree.findall(nodes.container):
        if node.get("nb_element") == "cell_code":
            node["ids"].append(f"cell-{cells[node['cell_index']].get('id')}")
