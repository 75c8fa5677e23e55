"""The documentation site: `make docs`. Pages that follow from the code are made anew each time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

import generated  # noqa: E402  (beside this file)

from mien import __version__  # noqa: E402

project = "mien"
author = "The mien developers"
copyright = "The mien developers, Apache-2.0"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
default_role = "code"  # of docstrings: `name` is a name
suppress_warnings = ["misc.highlighting_failure"]  # blocks of other languages stay plain

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "pydata_sphinx_theme"
html_title = "mien"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "use_edit_page_button": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": []}
html_css_files = ["site.css"]
html_static_path = ["_static"]

html_math_renderer = "mathml"  # browsers draw it themselves: nothing is loaded from elsewhere

generated.write_pages(HERE / "_generated")


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f"<p>{convert(node.astext(), display='block')}</p>")
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Links that leave this folder lead to copies of what they name; formulas are MathML."""
    app.connect("source-read", generated.rewrite_links)
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
