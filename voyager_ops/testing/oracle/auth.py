"""The logon's proof of a password: O5LOGON with the 12C verifier (PBKDF2, SHA-512, AES-256). Pure but for its salts.

Server and client each send a random half of a session key, encrypted with a hash of the password; the client then sends
the password encrypted with a key made of both halves. A wrong password makes wrong halves, so nothing decrypts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

VERIFIER_12C = 0x4815
VERIFIER_ROUNDS = 4096
SESSION_ROUNDS = 3
KEY_SIZE = 32
BLOCK = 16
SERVER_PROOF = b"SERVER_TO_CLIENT"


def encrypt(key: bytes, data: bytes, *, pad: bool = False) -> bytes:
    """AES-CBC with a zero vector; ``pad``: PKCS#7, else ``data`` must fill its blocks."""
    if pad:
        missing = BLOCK - len(data) % BLOCK
        data += bytes((missing,)) * missing
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(BLOCK))).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def decrypt(key: bytes, data: bytes) -> bytes:
    """The reverse of ``encrypt`` without ``pad``. ValueError when ``data`` does not fill its blocks."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(BLOCK))).decryptor()
    return decryptor.update(data) + decryptor.finalize()


class PasswordExchange:
    """One logon. ``password``: None for a user who does not exist; the exchange then looks the same and fails."""

    def __init__(self, password: str | None) -> None:
        self._password = (password if password is not None else secrets.token_urlsafe(24)).encode()
        self._salt = secrets.token_bytes(16)
        self._session_salt = secrets.token_bytes(16)
        self._half = secrets.token_bytes(KEY_SIZE)
        derived = hashlib.pbkdf2_hmac("sha512", self._password, self._salt + b"AUTH_PBKDF2_SPEEDY_KEY", VERIFIER_ROUNDS, 64)
        self._hash = hashlib.sha512(derived + self._salt).digest()[:KEY_SIZE]
        self._key = b""

    def challenge(self) -> list[tuple[str, str, int]]:
        """Key, value and flags of what the server sends first."""
        return [
            ("AUTH_SESSKEY", encrypt(self._hash, self._half).hex().upper(), 0),
            ("AUTH_VFR_DATA", self._salt.hex().upper(), VERIFIER_12C),
            ("AUTH_PBKDF2_CSK_SALT", self._session_salt.hex().upper(), 0),
            ("AUTH_PBKDF2_VGEN_COUNT", str(VERIFIER_ROUNDS), 0),
            ("AUTH_PBKDF2_SDER_COUNT", str(SESSION_ROUNDS), 0),
        ]

    def verify(self, answer: dict[str, str]) -> bool:
        """Whether the client's answer proves that it has the password."""
        try:
            client_half = decrypt(self._hash, bytes.fromhex(answer["AUTH_SESSKEY"]))[:KEY_SIZE]
            both = (client_half + self._half).hex().upper().encode()
            self._key = hashlib.pbkdf2_hmac("sha512", both, self._session_salt, SESSION_ROUNDS, KEY_SIZE)
            plain = decrypt(self._key, bytes.fromhex(answer["AUTH_PASSWORD"]))
        except (KeyError, ValueError):
            return False
        padding = plain[-1] if plain else 0
        return hmac.compare_digest(plain[BLOCK : len(plain) - padding], self._password)

    def proof(self) -> str:
        """What proves to the client, after ``verify``, that the server has the password too."""
        return encrypt(self._key, secrets.token_bytes(BLOCK) + SERVER_PROOF, pad=True).hex().upper()
