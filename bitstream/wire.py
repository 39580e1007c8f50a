"""Little-endian integers and varints, with every read checked against what is left."""

from __future__ import annotations

from codec.bitstream.errors import CorruptFile

VARINT_BYTES = 5  # enough for 32 bits


class Writer:
    """Collects bytes."""

    def __init__(self) -> None:
        self._parts = bytearray()

    def raw(self, data: bytes) -> Writer:
        """Appends bytes as they are."""
        self._parts += data
        return self

    def uint(self, value: int, size: int) -> Writer:
        """Appends an unsigned integer of `size` bytes. Raises OverflowError where it does not fit."""
        return self.raw(value.to_bytes(size, "little"))

    def varint(self, value: int) -> Writer:
        """Appends LEB128: seven bits a byte, least significant first, high bit set on all but the last."""
        while value > 0x7F:
            self._parts.append(value & 0x7F | 0x80)
            value >>= 7
        self._parts.append(value)
        return self

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return len(self._parts)

    def bytes(self) -> bytes:
        """All that was written."""
        return bytes(self._parts)


class Reader:
    """Reads from bytes; `base` is where they stand in the file, for messages."""

    def __init__(self, data: bytes, base: int = 0) -> None:
        self._data, self._at, self._base = data, 0, base

    @property
    def offset(self) -> int:
        """Position in the file."""
        return self._base + self._at

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def raw(self, size: int, what: str) -> bytes:
        """The next `size` bytes. Raises CorruptFile where fewer are left."""
        if size > self.left:
            raise CorruptFile(f"truncated: {what} needs {size} bytes at offset {self.offset}, {self.left} are left")
        self._at += size
        return self._data[self._at - size : self._at]

    def since(self, offset: int) -> bytes:
        """The bytes from a position in the file up to here."""
        return self._data[offset - self._base : self._at]

    def part(self, size: int, what: str) -> Reader:
        """A reader of the next `size` bytes, which are stepped over. Raises CorruptFile where fewer are left."""
        start = self.offset
        return Reader(self.raw(size, what), start)

    def uint(self, size: int, what: str) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.raw(size, what), "little")

    def varint(self, what: str) -> int:
        """A LEB128 integer of at most 32 bits, in its shortest form."""
        start, value = self.offset, 0
        for i in range(VARINT_BYTES):
            byte = self.uint(1, what)
            value |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                if (byte == 0 and i) or value >> 32:
                    break
                return value
        raise CorruptFile(f"{what} at offset {start} is not a valid varint")
