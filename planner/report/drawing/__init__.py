"""Charts as SVG elements: drawn here, because what reports need is a few bars, steps and lines.

The standard library's element tree escapes every text and attribute. Libraries were weighed:
matplotlib takes 60 MB and half a second to import, pygal and Vega-Lite need scripts to be read
well, and writers of SVG tags (svg.py, drawsvg) would replace the thinnest file of this folder only.
"""
