"""What an automatic check (axe) finds wrong with a dashboard for who cannot see it, or has no mouse."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = ("serious", "critical")


def barriers(page: Page) -> list[str]:
    """Name what is serious in the page's dashboards: the rule, and where it is broken."""
    # On a busy machine a page may fail to make a widget, and makes it anew.
    page.wait_for_function("() => !document.querySelector('.jupyter-widgets-error-widget')")
    # What Bokeh draws says nothing to a screen reader; each plot has a label of ours, and a twin in numbers.
    context = {"include": [[".st-dashboard"]], "exclude": [[".st-plot > *"]]}
    found = Axe().run(page, context=context, options={"resultTypes": ["violations"]})
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in found.response["violations"]
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]
