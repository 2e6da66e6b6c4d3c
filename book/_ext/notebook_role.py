"""The role {notebook}: a link to an executed notebook where this book holds it, else its text.

    {notebook}`the evaluation <04_evaluation-proposed-patient>`           of the first study here
    {notebook}`the same on INbreast <inbreast/04_evaluation-proposed-patient>`

Prose is the same in the book of every study; which notebooks a book holds is not.
"""

from fnmatch import fnmatch

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import ReferenceRole


class NotebookRole(ReferenceRole):
    def run(self):
        pattern = self.target if "/" in self.target else f"*/{self.target}"
        pages = [p for p in self.config.external_site_map if fnmatch(p, f"book/{pattern}")]
        text = nodes.inline(self.rawtext, self.title)
        if not pages:
            return [text], []
        link = addnodes.pending_xref(
            self.rawtext, text, refdomain="std", reftype="doc", reftarget=f"/{pages[0]}",
            refexplicit=self.has_explicit_title, refdoc=self.env.docname, refwarn=True,
        )  # fmt: skip
        return [link], []


def setup(app):
    app.add_role("notebook", NotebookRole())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
