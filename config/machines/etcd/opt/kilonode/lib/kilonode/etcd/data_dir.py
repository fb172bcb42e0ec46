"""What an etcd data directory says of itself, read while its etcd is not running."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

from kilonode.etcd.decision import Data

DATA = Path("/mnt/local/etcd")

# etcd's write-ahead log (server/storage/wal): a length, then a protobuf record {1: type, 2: crc,
# 3: data}. Every file of the log repeats metadata {1: member ID, 2: cluster ID}.
_METADATA = 1
_STATE = 3


def read(data_dir: Path) -> Data | None:
    """Whose data it is; None if there is none that etcd could go on from.

    That takes more than a log: one without raft's first state is of an etcd that was killed while
    it began, which has promised nothing yet and would wait for ever for a cluster it knows not of.
    """
    segments = sorted((data_dir / "member" / "wal").glob("*.wal"))
    if not segments:
        return None
    try:
        return _read_segment(segments[-1].read_bytes())
    except (IndexError, KeyError, TypeError):
        # Torn by a power cut or damaged: etcd would not start on it either.
        return None


def committed(data_dir: Path) -> int:
    """The index in the log up to which its etcd knew that the cluster agreed."""
    index = 0
    for segment in sorted((data_dir / "member" / "wal").glob("*.wal"))[-1:]:
        for kind, content in _records(segment.read_bytes()):
            # raft's HardState {1: term, 2: vote, 3: commit}.
            index = _number(dict(_fields(content)).get(3, index)) if kind == _STATE else index
    return index


def _read_segment(log: bytes) -> Data | None:
    data = None
    for kind, content in _records(log):
        if kind == _METADATA:
            fields = dict(_fields(content))
            data = Data(member_id=_number(fields[1]), cluster_id=_number(fields[2]))
        if kind == _STATE:
            return data
    return None


def set_aside(data_dir: Path) -> None:
    """Moves it to NAME.old, in the place of what was there. For an operator to look at."""
    old = data_dir.with_name(f"{data_dir.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    data_dir.rename(old)


def clear(data_dir: Path) -> None:
    """Leaves nothing of an etcd that was killed while it began: it would not begin again."""
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(mode=0o700)


def _records(log: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and data. The file is allocated ahead, so it ends in zeros."""
    offset = 0
    while offset + 8 <= len(log):
        (length,) = struct.unpack_from("<Q", log, offset)
        # The top byte holds a flag and, in its lowest three bits, how many bytes of padding follow.
        size, padding = length & (1 << 56) - 1, (length >> 56) & 7 if length >> 63 else 0
        if size == 0:
            return
        fields = dict(_fields(log[offset + 8 : offset + 8 + size]))
        content = fields.get(3, b"")
        yield _number(fields[1]), content if isinstance(content, bytes) else b""
        offset += 8 + size + padding


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of a protobuf message's fields: numbers, or bytes with a length."""
    offset = 0
    while offset < len(message):
        key, offset = _varint(message, offset)
        value, offset = _varint(message, offset)
        if key & 7 == 2:
            yield key >> 3, message[offset : offset + value]
            offset += value
        else:
            yield key >> 3, value


def _varint(message: bytes, offset: int) -> tuple[int, int]:
    """The number and where it ends. Raises IndexError where the message breaks off."""
    value = shift = 0
    while True:
        byte = message[offset]
        value |= (byte & 0x7F) << shift
        offset, shift = offset + 1, shift + 7
        if byte < 0x80:
            return value, offset


def _number(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise TypeError("a number was expected in etcd's log")
    return value
