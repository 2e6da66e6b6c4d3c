"""The directive {exhibit}: a published figure of an executed notebook, in a page of prose.

    ```{exhibit} inbreast/10_leakage_audit#three-bars
    ```

It brings the figure or table with its caption, marks and passport, and a link to its page.
Without a study ("10_leakage_audit#three-bars") it takes the first study of this book. Where a book
doesn't hold the notebook, a sentence says so; an exhibit that the notebook lacks is an error.
"""

import re
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from press.page import FIGURE, read

_ADDRESS = re.compile(r'href="(?!data:)([^"]+)"')


class ExhibitDirective(SphinxDirective):
    required_arguments = 1

    def run(self):
        page, _, identity = self.arguments[0].partition("#")
        pattern = page if "/" in page else f"*/{page}"
        found = [p for p in self.config.external_site_map if fnmatch(p, f"book/{pattern}")]
        if not found:
            self.env.note_reread()  # it may come
            return [_sentence("This figure's notebook was not run in this build.")]
        notebook = Path(self.env.srcdir, f"{found[0]}.ipynb")
        self.env.note_dependency(str(notebook))
        exhibits = read(notebook).exhibits
        if identity not in exhibits:
            near = get_close_matches(identity, exhibits, n=1) or sorted(exhibits)
            raise self.error(f"{page} has no exhibit '{identity}'; there is {', '.join(near)}")
        address = self.env.app.builder.get_relative_uri(self.env.docname, found[0])
        html = placed(exhibits[identity].html, self._new_id(found[0], identity), address)
        return [nodes.raw("", html, format="html")]

    def _new_id(self, page: str, identity: str) -> str:
        """Name the exhibit so that no two of a page are called the same."""
        used = self.env.temp_data.setdefault("exhibits", [])
        name = f"{page.removeprefix('book/').replace('/', '-')}-{identity}"
        used.append(name)
        return name if used.count(name) == 1 else f"{name}-{used.count(name)}"


def placed(html: str, identity: str, page: str) -> str:
    """Return an exhibit's HTML under another id, its caption with a link to its own page.

    Addresses in it, which count from that page, are made to count from here.
    """
    match = FIGURE.match(html)
    html = FIGURE.sub(f'<figure class="exhibit" id="{identity}"', html, count=1)
    html = _ADDRESS.sub(lambda found: f'href="{urljoin(page, found[1])}"', html)
    address = f"{page}#{match[1]}"
    link = f' <a class="reference internal" href="{address}">To its chapter.</a></figcaption>'
    return html.replace("</figcaption>", link, 1)


def _sentence(text: str) -> nodes.paragraph:
    return nodes.paragraph("", "", nodes.emphasis(text, text))


def setup(app):
    app.add_directive("exhibit", ExhibitDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
