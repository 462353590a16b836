"""A page on this machine to look at an analysis, correct it and render again.

`desk.py` is what the page works on, `server.py` serves it to this machine alone, `page/`
is the page itself.
"""
