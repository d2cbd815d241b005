"""Files as users have them: compressed, damaged, piped, in folders, in odd encodings."""

import bz2
import gzip
import io
import lzma
import os
import random
import socket
import sys
import threading
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.errors import InputError
from amiss.read import sources
from amiss.read.sources import ReadReport, Source, find_sources, read_blocks, remove_spooled

LINES = [f"line {i} of the log, worker {i % 7}" for i in range(1, 2001)]
TEXT = ("\n".join(LINES) + "\n").encode()
# Random hexadecimal hardly shrinks: damage then lies many blocks of the archive deep.
DENSE = b"\n".join(random.Random(i).randbytes(40).hex().encode() for i in range(4000))
ARCHIVES = {
    "gzip": (gzip.compress(DENSE), lambda: zlib.decompressobj(31)),
    "zstd": (
        zstandard.ZstdCompressor(write_checksum=True).compress(DENSE),
        lambda: zstandard.ZstdDecompressor().decompressobj(),
    ),
    "bzip2": (bz2.compress(DENSE, 1), bz2.BZ2Decompressor),
    "xz": (lzma.compress(DENSE), lzma.LZMADecompressor),
}


def read_all(path, block=None):
    """Return all bytes of a file as the reader yields them, and its report."""
    report = ReadReport()
    with pytest.MonkeyPatch.context() as patch:
        if block:
            patch.setattr(sources, "BLOCK", block)
        blocks = list(read_blocks(Source(str(path), Path(path)), report))
    assert all(part.endswith(b"\n") for part in blocks[:-1]), "a block ends inside a line"
    return b"".join(blocks), report


def damaged(data, at):
    return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]


@pytest.fixture
def stdin(monkeypatch):
    def give(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    yield give
    remove_spooled()


@pytest.mark.parametrize(
    "packed",
    [
        TEXT,
        gzip.compress(TEXT),
        gzip.compress(TEXT[:9000]) + gzip.compress(TEXT[9000:]),
        gzip.compress(TEXT) + bytes(1000),
        zstandard.compress(TEXT),
        zstandard.compress(TEXT[:9000]) + zstandard.compress(TEXT[9000:]),
        bz2.compress(TEXT),
        bz2.compress(TEXT[:9000]) + bz2.compress(TEXT[9000:]),
        lzma.compress(TEXT),
        lzma.compress(TEXT[:9000]) + lzma.compress(TEXT[9000:]),
    ],
    ids=[
        *("plain", "gzip", "gzip members", "gzip padded", "zstd", "zstd frames"),
        *("bzip2", "bzip2 streams", "xz", "xz streams"),
    ],
)
@pytest.mark.parametrize("block", [None, 1000])
def test_compression_is_told_by_content_and_undone(tmp_path, packed, block):
    path = tmp_path / "no-telling-suffix"
    path.write_bytes(packed)
    text, report = read_all(path, block)
    assert text == TEXT
    assert report.damage == []
    assert report.bytes == len(packed)


def test_progress_is_told_up_to_the_size_of_the_file(tmp_path):
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(random.Random(0).randbytes(200_000)))
    told = []
    list(read_blocks(Source("app.log", path), ReadReport(), told.append))
    assert told == sorted(told)
    assert len(told) > 1
    assert told[-1] == path.stat().st_size


@settings(max_examples=60)
@given(share=st.floats(0.01, 0.99), kind=st.sampled_from(sorted(ARCHIVES)))
def test_truncated_archive_is_read_up_to_its_end(tmp_path_factory, share, kind):
    packed, new = ARCHIVES[kind]
    cut = packed[: int(len(packed) * share)]
    path = tmp_path_factory.getbasetemp() / "truncated"
    path.write_bytes(cut)
    got, report = read_all(path)
    assert got == new().decompress(cut)
    assert DENSE.startswith(got)
    assert len(report.damage) == 1
    assert "ends early" in report.damage[0]


@settings(max_examples=60)
@given(share=st.floats(0.02, 0.98), kind=st.sampled_from(sorted(ARCHIVES)))
def test_all_that_stands_before_the_damage_is_read(tmp_path_factory, share, kind):
    packed, new = ARCHIVES[kind]
    at = int(len(packed) * share)
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged(packed, at))
    got, report = read_all(path)
    assert got.startswith(new().decompress(packed[:at]))
    assert len(report.damage) == 1
    assert "damaged" in report.damage[0]


def test_a_small_damaged_archive_still_gives_its_first_lines(tmp_path):
    packed = gzip.compress(TEXT)
    path = tmp_path / "app.log.gz"
    path.write_bytes(damaged(packed, len(packed) // 2))
    got, report = read_all(path)
    assert got.startswith(TEXT[: len(TEXT) // 4])
    assert len(report.damage) == 1


def test_damage_in_a_later_member_leaves_the_earlier_ones_whole(tmp_path):
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(TEXT) + damaged(gzip.compress(TEXT), 2000))
    got, report = read_all(path)
    assert got.startswith(TEXT)
    assert report.damage[0].startswith(f"{path}: damaged")


def test_one_damaged_file_does_not_keep_the_next_from_being_read(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(TEXT)[:-2000])
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"last file\n"))
    report = ReadReport()
    texts = [b"".join(read_blocks(source, report)) for source in find_sources(tmp_path)]
    assert TEXT.startswith(texts[0])
    assert texts[1] == b"last file\n"
    assert len(report.damage) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("block", [None, 1, 7])
def test_byte_order_marks_and_utf16_are_understood(tmp_path, encoding, block):
    text = "Grüße, 世界 𝄞\r\nzweite Zeile\n"
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    path = tmp_path / "windows.log"
    path.write_bytes(mark + text.encode(encoding))
    got, _ = read_all(path, block)
    assert got.decode() == text


def test_gigabytes_of_nul_in_front_do_not_swallow_the_line_behind(tmp_path):
    # A log truncated under its writer begins with a hole; here it ends just inside a block.
    path = tmp_path / "sparse.log"
    path.write_bytes(bytes(2 * sources.BLOCK - 5) + b"the first line\nthe second\n")
    got, report = read_all(path)
    assert got == b"the first line\nthe second\n"
    assert report.counts == {"lines with NUL bytes (removed)": 1}


def test_an_endless_line_does_not_pile_up_in_memory(tmp_path):
    path = tmp_path / "endless"
    path.write_bytes(gzip.compress(b"start " + b"x" * 40_000_000))
    got, _ = read_all(path)
    assert got.startswith(b"start xxx")
    assert len(got) <= sources.MAX_LINE + 1


def test_a_folder_means_its_files_by_name(tmp_path):
    for name in ("b.log", "a.log", "sub/c.log", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n")
    names = [source.name for source in find_sources(tmp_path)]
    assert names == [str(tmp_path / name) for name in ("a.log", "b.log", "sub/c.log")]


def test_a_glob_means_the_files_it_matches(tmp_path):
    for name in ("a.log", "b.log", "b.txt"):
        (tmp_path / name).write_text("x\n")
    (tmp_path / "folder.log").mkdir()
    found = find_sources(str(tmp_path / "*.log"))
    assert [source.path.name for source in found] == ["a.log", "b.log"]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path):
    path = tmp_path / "app[1].log"
    path.write_text("x\n")
    assert [source.path for source in find_sources(str(path))] == [path]


def test_several_inputs_are_read_in_the_order_given(tmp_path):
    paths = [tmp_path / "z", tmp_path / "a"]
    for path in paths:
        path.write_text("x\n")
    assert [source.path for source in find_sources(paths)] == paths


def test_standard_input_is_kept_on_disk_until_removed(stdin):
    stdin(gzip.compress(TEXT))
    (source,) = find_sources("-")
    assert source.name == "<stdin>"
    for _ in range(2):  # a finding's lines are read a second time
        assert b"".join(read_blocks(source, ReadReport())) == TEXT
    remove_spooled()
    assert not source.path.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_can_be_read_more_than_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(TEXT,), daemon=True)
    writer.start()
    try:
        (source,) = find_sources(str(pipe))
        writer.join(timeout=30)
        assert not writer.is_alive()
        assert source.name == str(pipe)
        for _ in range(2):
            assert b"".join(read_blocks(source, ReadReport())) == TEXT
    finally:
        remove_spooled()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.log", "no such file"),
        ("absent-*.log", "no file matches"),
        ("x" * 5000, "cannot be read"),
        ("nul\0name", "no such file"),
    ],
)
def test_what_is_not_there_is_an_input_error(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        find_sources(str(tmp_path / name))


def test_an_empty_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="holds no files"):
        find_sources(tmp_path)


def test_no_input_at_all_is_an_input_error():
    with pytest.raises(InputError, match="expected a file, a folder, a glob"):
        find_sources([])


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_what_cannot_be_opened_is_an_input_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # paths of sockets must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(InputError, match="s: cannot be read"):
            find_sources("s")


def test_a_file_gone_since_it_was_found_is_an_input_error(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("x\n")
    (source,) = find_sources(path)
    path.unlink()
    with pytest.raises(InputError, match=r"app\.log: cannot be read"):
        list(read_blocks(source, ReadReport()))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs /proc")
def test_a_file_whose_bytes_cannot_be_read_is_an_input_error():
    (source,) = find_sources("/proc/self/mem")
    with pytest.raises(InputError, match="cannot be read"):
        list(read_blocks(source, ReadReport()))


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_a_file_without_permission_is_an_input_error(tmp_path):
    path = tmp_path / "secret.log"
    path.write_text("x\n")
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        list(read_blocks(Source("secret.log", path), ReadReport()))


def test_files_of_a_rotated_log_are_read_the_oldest_first(tmp_path):
    names = ["app.log", "app.log.1", "app.log.10.gz", "app.log.2.gz", "other.log"]
    names += ["web.log-20240102", "web.log-20240101.zst", "web.log", "part.1", "part.2"]
    for name in names:
        (tmp_path / name).write_text("x\n")
    ordered = [source.path.name for source in find_sources([tmp_path / name for name in names])]
    assert ordered == [
        *("app.log.10.gz", "app.log.2.gz", "app.log.1", "app.log"),
        "other.log",
        *("web.log-20240101.zst", "web.log-20240102", "web.log"),
        *("part.1", "part.2"),  # parts, for all we know
    ]


def test_rotated_logs_of_two_folders_are_two(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for name in ("app.log", "app.log.1"):
            (tmp_path / folder / name).write_text("x\n")
    found = [str(source.path.relative_to(tmp_path)) for source in find_sources(tmp_path)]
    assert found == ["a/app.log.1", "a/app.log", "b/app.log.1", "b/app.log"]
