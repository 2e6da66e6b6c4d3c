"""Where executed notebooks stand in a book: ``book_pages`` of its settings, in their order."""

from fnmatch import fnmatch


def page_of(config, target):
    """Return the name of the first page that ``target`` stands for, None where there is none.

    It is "<study>/<notebook>", or a notebook alone, of the first study of this book that has it.
    """
    pattern = target if "/" in target else f"*/{target}"
    return next((page for page in config.book_pages if fnmatch(page, f"book/{pattern}")), None)


def setup(app):
    app.add_config_value("book_pages", [], "env")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
