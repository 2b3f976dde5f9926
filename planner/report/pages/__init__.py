"""Reports as documents: made once, written as HTML or as Markdown."""
