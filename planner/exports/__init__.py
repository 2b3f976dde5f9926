"""A chosen configuration as text that other tools read: one file a format, pure functions.

``subject`` is what they are made of, ``words`` how text of users is put into them safely. Nothing
here reads files, starts anything or asks the catalog.
"""
