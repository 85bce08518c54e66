"""Exports are signed with Ed25519: an auditor who can check one cannot forge it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class SigningKeyError(Exception):
    """The key file can't be used. The sentence names the file, never its content."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private half stays in its file, readable by its owner alone."""

    _private: Ed25519PrivateKey

    def sign(self, content: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(content)

    @property
    def public_pem(self) -> str:
        """What an auditor gets: `sekisho audit key`."""
        public: Ed25519PublicKey = self._private.public_key()
        return public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    def __repr__(self) -> str:
        return "SigningKey(…)"


def create_key(path: Path) -> SigningKey:
    """A new key in a new file (0600). FileExistsError when there is one already."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return SigningKey(private)


def load_key(path: Path) -> SigningKey:
    """The key of a PEM file (PKCS 8, Ed25519, no password)."""
    try:
        return parse_key(path.read_bytes())
    except OSError as error:
        raise SigningKeyError(f"{path} can't be read: {error.strerror}.") from error
    except SigningKeyError as error:
        raise SigningKeyError(f"{path}: {error}") from error


def parse_key(pem: bytes) -> SigningKey:
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SigningKeyError("this is no private key in PEM without a password.") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SigningKeyError("the key must be of the kind Ed25519.")
    return SigningKey(private)


def how_to_check(file_name: str, public_pem: str) -> str:
    """The text that goes with every export: checked with sha256sum and OpenSSL 3, not Sekisho."""
    return f"""\
How to check this export without Sekisho
========================================
You need sha256sum (GNU coreutils) and OpenSSL 3. Get the public key from the owner of the bot
over another way than this file (sekisho audit key prints it) and save it as sekisho-audit.pem. It
should be:

{public_pem}
1. The list of digests was signed by the holder of the private key:
   openssl pkeyutl -verify -pubin -inkey sekisho-audit.pem -rawin \\
       -in {file_name}.sha256 -sigfile {file_name}.sha256.sig
   It must print: Signature Verified Successfully

2. The file is the one in the list:
   sha256sum --check {file_name}.sha256
   It must print: {file_name}: OK

The lines that begin with # in {file_name}.sha256 are signed as well: they say which entries are in
the file, how they were chosen, and where they stand in the chain.
"""
