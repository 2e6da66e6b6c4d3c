"""Names the toggles of the contents for screen readers, as the theme leaves them without any.

Pages that the contents don't list have the same contents, if they lie in one folder: they are put
together once, as this takes a sixth of the time of a book.
"""

from functools import partial


def name_toggles(made, app, pagename, templatename, context, doctree):
    """Wrap the theme's function, so that each toggle tells which page its list belongs to.

    ``made`` keeps what unlisted pages have in common.
    """
    generate = context.get("generate_toctree_html")
    if not generate:
        return
    is_listed = "orphan" not in app.env.metadata.get(pagename, {})

    def with_names(*given, **options):
        if is_listed:  # and marked in its contents
            return named(*given, **options)
        key = (pagename.rpartition("/")[0], given, tuple(sorted(options.items())))
        if key not in made:
            made[key] = named(*given, **options)
        return made[key]

    def named(*given, **options):
        contents = generate(*given, **options)  # a BeautifulSoup, which templates write out
        for toggle in contents.find_all("summary"):
            toggle["aria-label"] = f"Pages below: {toggle.find_parent('li').a.get_text(strip=True)}"
        return contents

    context["generate_toctree_html"] = with_names


def setup(app):
    after_the_theme = 900
    app.connect("html-page-context", partial(name_toggles, {}), priority=after_the_theme)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
