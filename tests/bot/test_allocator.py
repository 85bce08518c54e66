"""The C library is told to give memory back, where it can be told."""

from __future__ import annotations

import ctypes
import sys

import pytest

from bot import allocator


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's own setting")
def test_glibc_takes_the_settings() -> None:
    assert allocator.keep_little()


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert not allocator.keep_little()
