"""Scripts and looks of the things to touch, on their own page: no other page loads them."""

PAGE = "16_touch"
SCRIPTS = (  # in their order: the first three are what the others are made of
    "common", "pixels", "clahe", "loss", "dials", "split", "lab", "reveal",
)  # fmt: skip


def add_scripts(app, pagename, templatename, context, doctree):
    if pagename.rpartition("/")[2] == PAGE:
        app.add_css_file("touch/touch.css")
        for name in SCRIPTS:
            app.add_js_file(f"touch/{name}.js", loading_method="defer")


def setup(app):
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
