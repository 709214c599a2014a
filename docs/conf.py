"""How Sphinx builds the site: `make docs`."""

from importlib import metadata

project = "keraunos"
release = metadata.version("keraunos")
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"keraunos {release}"
exclude_patterns = ["_build"]
