"""One file out of a zip archive that somebody else made."""

from __future__ import annotations

import io
import zipfile
import zlib

from catalog.sources.base import FetchFailed

MOST_MEMBERS = 100
PIECE_BYTES = 1 << 20
AGAIN = "try again later; if it lasts, the format changed: please report it"


def zip_member(body: bytes, member: str, what: str, *, limit_bytes: int) -> bytes:
    """The bytes of ``member``. Nothing is written to disk and no other member is read.

    Sizes are counted while inflating, whatever the archive says of them. Raises FetchFailed for
    bombs, damage, encryption, and an archive without that member.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            if len(archive.infolist()) > MOST_MEMBERS:
                raise FetchFailed(f"{what}: more than {MOST_MEMBERS} files in the archive", AGAIN)
            if archive.getinfo(member).file_size > limit_bytes:
                raise FetchFailed(_too_large(what, member, limit_bytes), AGAIN)
            pieces, size = [], 0
            with archive.open(member) as file:
                while piece := file.read(PIECE_BYTES):
                    size += len(piece)
                    if size > limit_bytes:
                        raise FetchFailed(_too_large(what, member, limit_bytes), AGAIN)
                    pieces.append(piece)
            return b"".join(pieces)
    except KeyError:
        raise FetchFailed(f"{what}: no {member} in the archive", AGAIN) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError):
        raise FetchFailed(f"{what}: damaged archive", AGAIN) from None
    except (RuntimeError, NotImplementedError):
        raise FetchFailed(f"{what}: archive encrypted or packed in an unknown way", AGAIN) from None


def _too_large(what: str, member: str, limit_bytes: int) -> str:
    return f"{what}: {member} inflates to more than {limit_bytes >> 20} MiB"
