"""How Sphinx makes the site: `make docs`."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

SHOWN_AS = {"extending": "CONTRIBUTING.md", "changelog": "CHANGELOG.md"}
"""Pages that show a file beside docs/, with links as they are from there."""

project = "FL-Market"
author = "FL-Market contributors"
html_title = "FL-Market"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "mathml",
]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_build", "_ext", "own_study", "own_study.ipynb"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # code on these pages runs in the tests

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
viewcode_follow_imported_members = False  # source is linked where it is defined; links back are wrong elsewhere
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
html_math_renderer = "mathml"

html_theme = "pydata_sphinx_theme"
html_favicon = "_static/icon.svg"
html_context = {"default_mode": "auto"}
html_sidebars = {"**": ["pages"]}
html_theme_options = {
    "navbar_center": [],
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "use_edit_page_button": False,
    "footer_start": [],
    "footer_end": [],
}
html_static_path = ["_static"]
html_copy_source = False
html_show_sourcelink = False
templates_path = ["_templates"]


def _prepare(app: object, name: str, source: list[str]) -> None:
    """Links to files beside docs/ go to the pages that show them, and files that a block is to be kept in are named."""
    text = source[0]
    if name in SHOWN_AS:
        text = (HERE.parent / SHOWN_AS[name]).read_text(encoding="utf-8").replace("](docs/", "](")
    text = text.replace("](../CONTRIBUTING.md", "](extending.md").replace("](../CHANGELOG.md", "](changelog.md")
    source[0] = re.sub(r"^```(python|toml) (\S+\.\w+)$", r"`\2`:\n\n```\1", text, flags=re.MULTILINE)


def _leave_out_aliases(app: object, what: str, name: str, value: object, skip: bool, options: object) -> bool | None:
    """Names for types of the standard library have that type's documentation, which is none of ours."""
    return True if isinstance(value, types.GenericAlias | types.UnionType) else None


def setup(app: object) -> None:
    """Register what the configuration adds."""
    app.connect("autodoc-skip-member", _leave_out_aliases)  # type: ignore[attr-defined]
    app.connect("source-read", _prepare)  # type: ignore[attr-defined]
