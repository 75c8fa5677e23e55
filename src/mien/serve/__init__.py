"""``mien serve``: a page on this machine, and the REST behind it."""
