"""Tests of the packaging, the locks, the container file and the documents."""
