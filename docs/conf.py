"""Sphinx: plain theme, nothing from the network, tables and diagram taken from the code."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "dhan-copy"
author = "The dhan-copy maintainers"
copyright = "2026, the dhan-copy maintainers"
release = version = installed_version("dhan-copy")

extensions = ["sphinx.ext.autodoc", "from_code"]
exclude_patterns = ["_build", "_ext"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Copies orders from a leader's Dhan account to follower accounts",
    "page_width": "1080px",
    "body_max_width": "auto",
}
html_show_sourcelink = False
html_copy_source = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
