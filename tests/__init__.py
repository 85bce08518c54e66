"""Tests of Sekisho; the folders mirror the rooms."""
