"""Buttons that open the source notebook of a page on Binder and in Colab.

They stand where the book knows its repository: ``launch_repository`` in ``_config.yml`` is
"owner/name" on GitHub, and "" where nothing is published. The notebook is the source, which the
repository holds, not the executed page, which it may not.
"""

import re

from sphinx.errors import ConfigError

from press.paths import parts_of_page, source_notebook

PLACES = {
    "Binder": "https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{notebook}",
    "Colab": "https://colab.research.google.com/github/{repository}/blob/{branch}/{notebook}",
}


def check(app, config):
    """Raise ConfigError where the repository is none."""
    named = (config.launch_repository, config.launch_branch)
    if config.launch_repository and not re.fullmatch(r"[\w.-]+/[\w.-]+ [\w./-]+", " ".join(named)):
        raise ConfigError(
            f"launch_repository {named[0]!r}, launch_branch {named[1]!r}: expected "
            '"owner/name" of a repository on GitHub (or "": no buttons), and a branch or tag'
        )


def add_buttons(app, pagename, templatename, context, doctree):
    config = app.config
    notebook, *_ = parts_of_page(pagename.rpartition("/")[2])
    if not config.launch_repository or not source_notebook(notebook).exists():
        return
    source = f"notebooks/{notebook}.ipynb"
    where = {"repository": config.launch_repository, "branch": config.launch_branch}
    links = [
        {"type": "link", "text": name, "url": address.format(notebook=source, **where),
         "tooltip": f"Open the source notebook in {name}"}
        for name, address in PLACES.items()
    ]  # fmt: skip
    group = {"type": "group", "buttons": links, "icon": "fas fa-rocket", "label": "launch-buttons"}
    context["header_buttons"].append(group | {"tooltip": "Open the source notebook elsewhere"})


def setup(app):
    app.add_config_value("launch_repository", "", "html")
    app.add_config_value("launch_branch", "main", "html")
    app.connect("config-inited", check)
    app.connect("html-page-context", add_buttons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
