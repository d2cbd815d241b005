"""Archives of one log, bombs, and what is no log at all."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from amiss import read_sessions
from amiss.errors import InputError
from amiss.read.compression import PIECE, Members, packer_of
from amiss.read.sources import ReadReport, Source, _decompressed, find_sources, read_blocks

TEXT = b"".join(b"line %d of the log, worker %d\n" % (i, i % 7) for i in range(3000))


def zipped(files, method=zipfile.ZIP_DEFLATED):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return held.getvalue()


def tarred(mode):
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:
        info = tarfile.TarInfo("app.log")
        info.size = len(TEXT)
        archive.addfile(info, io.BytesIO(TEXT))
    return held.getvalue()


def read(path, data):
    path.write_bytes(data)
    report = ReadReport()
    return b"".join(read_blocks(Source(path.name, path), report)), report


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2], ids=["0", "8", "12"]
)
def test_a_zip_of_one_log_is_read(tmp_path, method):
    got, report = read(tmp_path / "a.zip", zipped({"logs/": b"", "logs/app.log": TEXT}, method))
    assert got == TEXT
    assert report.damage == []


def test_what_systems_put_beside_a_log_does_not_count(tmp_path):
    files = {"app.log": TEXT, "__MACOSX/._app.log": b"x", ".DS_Store": b"x"}
    assert read(tmp_path / "a.zip", zipped(files))[0] == TEXT


def test_a_zip_of_several_files_is_refused_by_their_names(tmp_path):
    with pytest.raises(InputError, match=r"2 files \('a.log', 'b.log'\).*unpack it first"):
        read(tmp_path / "a.zip", zipped({"a.log": TEXT, "b.log": TEXT}))


@pytest.mark.parametrize("files", [{}, {"logs/": b""}], ids=["empty", "folder"])
def test_a_zip_of_no_log_is_refused(tmp_path, files):
    with pytest.raises(InputError, match="zip archive"):
        read(tmp_path / "a.zip", zipped(files))


def test_a_rare_method_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="packed by lzma; unpack it first"):
        read(tmp_path / "a.zip", zipped({"a.log": TEXT}, zipfile.ZIP_LZMA))


def test_an_encrypted_zip_is_refused(tmp_path):
    data = bytearray(zipped({"a.log": TEXT}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match="encrypted"):
        read(tmp_path / "a.zip", bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["0", "8"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_zip_that_was_cut_is_read_up_to_there(tmp_path, method, share):
    start = zipped({"a.log": TEXT}, method)
    data = start[: int(share * start.index(b"PK\x01\x02"))]
    got, report = read(tmp_path / "a.zip", data)
    assert TEXT.startswith(got)
    assert len(got) > 0.1 * len(TEXT)
    assert "list of members" in report.damage[0]
    assert "ends early" in report.damage[1]


def test_a_zip_of_which_the_data_are_damaged_is_read_up_to_the_damage(tmp_path):
    data = bytearray(zipped({"a.log": TEXT}))
    middle = len(data) // 2
    data[middle : middle + 20] = b"\xff" * 20
    got, report = read(tmp_path / "a.zip", bytes(data))
    assert got[: len(TEXT) // 4] == TEXT[: len(TEXT) // 4]
    assert "damaged" in report.damage[0]


def test_nothing_but_the_beginning_of_a_zip_is_refused(tmp_path):
    with pytest.raises(InputError, match="nothing of it can be read"):
        read(tmp_path / "a.zip", b"PK\x03\x04 and no more")


FOREIGN = {
    "tar": (tarred("w"), "a tar archive.*tar xf"),
    "tar.gz": (tarred("w:gz"), "a tar archive.*tar xf"),
    "tar.bz2": (tarred("w:bz2"), "a tar archive"),
    "tar.xz": (tarred("w:xz"), "a tar archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(50), "a 7z archive"),
    "lz4": (b"\x04\x22\x4d\x18" + bytes(50), "lz4 data.*lz4 -d"),
    "rar": (b"Rar!\x1a\x07\x01\x00" + bytes(50), "a RAR archive"),
    "journal": (b"LPKSHHRH" + bytes(50), "a systemd journal.*journalctl"),
    "evtx": (b"ElfFile\x00" + bytes(50), "a Windows event log.*wevtutil"),
    "sqlite": (b"SQLite format 3\x00" + bytes(50), "an SQLite database"),
    "parquet": (b"PAR1" + bytes(50), "a Parquet table"),
    "pdf": (b"%PDF-1.7\n", "a PDF"),
}


@pytest.mark.parametrize(("data", "message"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_log_is_refused_with_what_to_do(tmp_path, data, message):
    with pytest.raises(InputError, match=f"holds {message}"):
        read(tmp_path / "input", data)


def test_other_binary_data_are_read_with_a_note(tmp_path):
    _, report = read(tmp_path / "core", bytes(range(256)) * 8)
    assert "looks like binary data" in report.notes[0]
    text = b"\x1b[31m2026-11-22 caf\xe9 \xff\xfe\tup\x1b[0m\n" * 20
    _, report = read(tmp_path / "log", text)
    assert report.notes == []


@pytest.mark.parametrize(
    "pack",
    [bz2.compress, lzma.compress, gzip.compress, zstandard.compress],
    ids=["bzip2", "xz", "gzip", "zstd"],
)
def test_a_bomb_comes_in_pieces(pack):
    size = 150 << 20
    bomb = pack(bytes(size))
    packer = packer_of(bomb)
    decoder, total = Members(packer), 0
    for at in range(0, len(bomb), packer.step):
        for piece in decoder.pieces(bomb[at : at + packer.step]):
            assert len(piece) <= (PIECE if packer.bounded else 1 << 27)
            total += len(piece)
    assert total == size
    assert decoder.eof


def test_a_log_that_begins_like_bzip2_is_a_log(tmp_path):
    assert read(tmp_path / "a.log", b"BZh9 is how it begins\n")[0] == b"BZh9 is how it begins\n"


@pytest.mark.parametrize(
    "pack",
    [bz2.compress, lzma.compress, lambda text: zipped({"a.log": text})],
    ids=["bzip2", "xz", "zip"],
)
def test_packed_logs_are_read_as_they_are_unpacked(tmp_path, pack):
    text = b"".join(b"open id=%d\nclose id=%d\n" % (i, i) for i in range(50)) + b"crash id=7\n"
    (tmp_path / "packed").write_bytes(pack(text))
    sessions = read_sessions(tmp_path / "packed", session_key=r"id=\d+")
    assert (len(sessions), sessions.log.lines) == (50, 101)


def test_packed_files_of_a_rotated_log_are_in_order(tmp_path):
    for name in ("app.log", "app.log.1", "app.log.2.bz2", "app.log.10.xz", "app.log.3.zip"):
        (tmp_path / name).write_bytes(b"x\n")
    names = [Path(source.name).name for source in find_sources(tmp_path)]
    assert names == ["app.log.10.xz", "app.log.3.zip", "app.log.2.bz2", "app.log.1", "app.log"]


# Text of more than two pieces in a few KiB of any archive, that tells its beginning and its end.
LONG = TEXT[:30_000] + b"the same line again\n" * (2 * PIECE // 20 + 50_000) + TEXT[-30_000:]
DAMAGED = {
    "gzip": gzip.compress(LONG),
    "gzip of two members": gzip.compress(TEXT) + gzip.compress(LONG),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress(LONG),
    "bzip2": bz2.compress(LONG),
    "bzip2 of two members": bz2.compress(TEXT) + bz2.compress(LONG),
    "xz": lzma.compress(LONG, preset=1),
    "zip": zipped({"a.log": LONG}),
    "zip of bzip2": zipped({"a.log": LONG}, zipfile.ZIP_BZIP2),
}


def read_pieces(path, data):
    path.write_bytes(data)
    report = ReadReport()
    with path.open("rb") as file:
        return list(_decompressed(file, Source("a", path), report, None)), report


@pytest.mark.parametrize("from_end", [1, 6, 60, 600, 2000])
@pytest.mark.parametrize("kind", DAMAGED)
def test_damage_after_pieces_of_its_step_repeats_nothing(tmp_path, kind, from_end):
    packed = DAMAGED[kind]
    end = packed.index(b"PK\x01\x02") if kind.startswith("zip") else len(packed)
    whole, report = read_pieces(tmp_path / "whole", packed)
    assert report.damage == []
    text = b"".join(whole)
    at = end - min(from_end, end // 2)
    cut, _ = read_pieces(tmp_path / "cut", packed[:at])
    before = b"".join(cut)
    assert text.startswith(before)

    hurt = bytearray(packed)
    hurt[at] ^= 0x55
    pieces, report = read_pieces(tmp_path / "hurt", bytes(hurt))
    got = b"".join(pieces)
    assert len(report.damage) == 1
    assert got.startswith(before)
    assert len(got) <= len(text) + PIECE  # what is behind the damage may be anything
    if from_end <= 6 and not kind.startswith("zip"):  # a checksum alone is damaged, or a length
        assert text.startswith(got)
    assert max(map(len, pieces)) <= 2 * PIECE


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE], ids=str)
@pytest.mark.parametrize(
    "pack", [gzip.compress, lambda text: zipped({"a": text})], ids=["gz", "zip"]
)
def test_text_that_fills_a_piece_is_whole(tmp_path, pack, size):
    text = (b"the same line again\n" * (size // 20 + 1))[:size]
    pieces, report = read_pieces(tmp_path / "a", pack(text))
    assert (b"".join(pieces) == text, report.damage) == (True, [])
    assert max(map(len, pieces)) <= PIECE


def test_what_is_no_log_is_refused_though_it_is_damaged(tmp_path):
    data = bytearray(tarred("w:gz"))
    data[-6] ^= 0x55
    with pytest.raises(InputError, match="a tar archive"):
        read(tmp_path / "a.tar.gz", bytes(data))
