"""Names the toggles of the contents for screen readers, as the theme leaves them without any."""


def name_toggles(app, pagename, templatename, context, doctree):
    """Wrap the theme's function, so that each toggle tells which page its list belongs to."""
    generate = context.get("generate_toctree_html")
    if not generate:
        return

    def with_names(*given, **options):
        contents = generate(*given, **options)  # a BeautifulSoup, which templates write out
        for toggle in contents.find_all("summary"):
            toggle["aria-label"] = f"Pages below: {toggle.find_parent('li').a.get_text(strip=True)}"
        return contents

    context["generate_toctree_html"] = with_names


def setup(app):
    app.connect("html-page-context", name_toggles, priority=900)  # after the theme's own
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
