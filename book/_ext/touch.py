"""Scripts, looks and data of the things to touch, on their own page: no other page loads them.

The data are the files that the page's figures offer for download, byte for byte. They stand in the
page, as a browser reads no other file where a book is opened from a folder.
"""

from pathlib import Path

from press.pages.page import read

PAGE = "16_touch"
SCRIPTS = (  # in their order: the first three are what the others are made of
    "common", "pixels", "clahe", "loss", "dials", "split", "lab", "reveal",
)  # fmt: skip


def add_scripts(app, pagename, templatename, context, doctree):
    if pagename.rpartition("/")[2] != PAGE:
        return
    app.add_css_file("touch/touch.css")
    for name in SCRIPTS:
        app.add_js_file(f"touch/{name}.js", loading_method="defer")
    exhibits = read(Path(app.env.doc2path(pagename))).exhibits
    context["body"] += "".join(data_of(exhibits[name]) for name in SCRIPTS if name in exhibits)


def data_of(exhibit):
    """Return an element with the table of a figure, which nobody sees; no cell of one holds a <."""
    table = exhibit.files[f"{exhibit.id}.csv"].decode()
    return f'<script type="text/csv" data-figure="{exhibit.id}">{table}</script>\n'


def setup(app):
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
