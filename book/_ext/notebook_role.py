"""The role {notebook}: a link to an executed notebook where this book holds it, else its text.

    {notebook}`the evaluation <04_evaluation-proposed-patient>`           of the first study here
    {notebook}`the same on INbreast <inbreast/04_evaluation-proposed-patient>`

Prose is the same in the book of every study; which notebooks a book holds is not.
"""

from docutils import nodes
from executed import page_of
from sphinx import addnodes
from sphinx.util.docutils import ReferenceRole


class NotebookRole(ReferenceRole):
    def run(self):
        page = page_of(self.config, self.target)
        text = nodes.inline(self.rawtext, self.title)
        if page is None:
            return [text], []
        link = addnodes.pending_xref(
            self.rawtext, text, refdomain="std", reftype="doc", reftarget=f"/{page}",
            refexplicit=self.has_explicit_title, refdoc=self.env.docname, refwarn=True,
        )  # fmt: skip
        return [link], []


def setup(app):
    app.setup_extension("executed")
    app.add_role("notebook", NotebookRole())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
