"""Which rows of the documents a passing test proves (`make rows`)."""
