"""get_file: cached, checked, resumed, unpacked; what fails leaves the disk as it was."""

import hashlib
import http.server
import io
import os
import tarfile
import tempfile
import threading
import zipfile
from pathlib import Path

import pytest

from keraunos.utils import get_file

CONTENT = bytes(range(256)) * 2000
SHA256, MD5 = hashlib.sha256(CONTENT).hexdigest(), hashlib.md5(CONTENT).hexdigest()


class _Source(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`; breaks off after `server.breaks.pop()` bytes while there are any."""

    def do_GET(self):
        self.server.requests.append(self.headers.get("Range"))
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404, "Not Found")
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        start = start if self.server.skips else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + self.server.breaks.pop() if self.server.breaks else None
        self.wfile.write(content[start:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def source():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Source) as server:
        server.files, server.requests, server.breaks, server.skips = (
            {"/a.bin": CONTENT},
            [],
            [],
            True,
        )
        server.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_file_is_downloaded_once(source, keras_home):
    first = get_file(origin=source.url + "a.bin")
    assert first == str(keras_home / "datasets" / "a.bin")
    assert (keras_home / "datasets" / "a.bin").read_bytes() == CONTENT
    assert get_file(origin=source.url + "a.bin") == first
    assert len(source.requests) == 1
    get_file(origin=source.url + "a.bin", force_download=True)
    assert len(source.requests) == 2


@pytest.mark.parametrize(
    "check",
    [{"file_hash": SHA256}, {"file_hash": MD5}, {"md5_hash": MD5}, {"file_hash": SHA256.upper()}],
)
def test_hashes_of_both_kinds_are_checked(source, keras_home, check):
    get_file("b.bin", source.url + "a.bin", **check)


def test_a_wrong_hash_is_an_error_and_leaves_nothing(source, tmp_path):
    with pytest.raises(ValueError, match="other content than expected"):
        get_file("b.bin", source.url + "a.bin", file_hash="0" * 64, cache_dir=tmp_path)
    assert not list((tmp_path / "datasets").iterdir())


def test_an_outdated_file_is_downloaded_again(source, tmp_path):
    path = tmp_path / "datasets" / "a.bin"
    path.parent.mkdir()
    path.write_bytes(b"old")
    get_file("a.bin", source.url + "a.bin", file_hash=SHA256, cache_dir=tmp_path)
    assert path.read_bytes() == CONTENT


def test_an_outdated_file_is_used_when_there_is_no_network(tmp_path):
    path = tmp_path / "datasets" / "a.bin"
    path.parent.mkdir()
    path.write_bytes(b"old")
    with pytest.warns(UserWarning, match="another hash"):
        get_file("a.bin", "http://127.0.0.1:9/a.bin", file_hash=SHA256, cache_dir=tmp_path)
    assert path.read_bytes() == b"old"


def test_a_cache_that_cannot_be_written_is_read(source, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    cache = tmp_path / "cache" / "datasets"
    cache.mkdir(parents=True)
    (cache / "there.bin").write_bytes(CONTENT)
    monkeypatch.setattr(os, "access", lambda path, mode: cache not in (path, *Path(path).parents))
    options = {"origin": source.url + "a.bin", "cache_dir": cache.parent}
    assert get_file("there.bin", **options) == str(cache / "there.bin")
    found = get_file("a.bin", **options)
    assert found == str(tmp_path / "temporary" / ".keras" / "datasets" / "a.bin")
    assert len(source.requests) == 1


@pytest.mark.parametrize("skips", [True, False], ids=["resumed", "begun again"])
def test_a_broken_connection_is_taken_up_again(source, tmp_path, skips):
    source.breaks, source.skips = [100_000], skips
    path = get_file("a.bin", source.url + "a.bin", file_hash=SHA256, cache_dir=tmp_path)
    assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == SHA256
    assert source.requests == [None, "bytes=100000-"]


def test_a_source_that_breaks_off_for_ever_is_an_error(source, tmp_path):
    source.breaks = [1000, 1000, 1000]
    with pytest.raises(ConnectionError, match="broke off after 3,000 of 512,000 bytes"):
        get_file("a.bin", source.url + "a.bin", cache_dir=tmp_path)
    assert not list((tmp_path / "datasets").iterdir())


@pytest.mark.parametrize(
    "origin, reason",
    [("missing.bin", "HTTP 404 Not Found"), (None, "refused")],
    ids=["404", "no server"],
)
def test_an_unreachable_source_says_which_file_goes_where(source, tmp_path, origin, reason):
    url = source.url + origin if origin else "http://127.0.0.1:9/x.bin"
    with pytest.raises(ConnectionError, match=reason) as caught:
        get_file("mine.bin", url, cache_dir=tmp_path)
    assert f"put the file mine.bin in {tmp_path / 'datasets'}" in str(caught.value)


def _tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("inside/hello.txt")
        entry.size = 2
        tar.addfile(entry, io.BytesIO(b"hi"))
    return buffer.getvalue()


def _zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inside/hello.txt", "hi")
    return buffer.getvalue()


@pytest.mark.parametrize("make", [_tar, _zip])
@pytest.mark.parametrize(
    "fname, folder", [(None, "pets.tgz"), ("pets", "pets"), ("pets.tar.gz", "pets_extracted")]
)
def test_archives_are_unpacked_where_keras_3_unpacks_them(source, tmp_path, make, fname, folder):
    source.files["/pets.tgz"] = make()
    path = get_file(fname, source.url + "pets.tgz", extract=True, cache_dir=tmp_path)
    assert path == str(tmp_path / "datasets" / folder)
    assert (tmp_path / "datasets" / folder / "inside" / "hello.txt").read_text() == "hi"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"fname": "a"}, "no origin"),
        ({"fname": "a/b", "origin": "http://x/y"}, "a file name"),
        ({"origin": "http://x/"}, "a file name"),
    ],
)
def test_bad_names_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        get_file(**arguments)


def test_a_log_gets_plain_lines(source, tmp_path, capsys):
    get_file("a.bin", source.url + "a.bin", cache_dir=tmp_path)
    first, last = capsys.readouterr().err.splitlines()
    assert first == "a.bin: downloading 0.5 MB"
    assert last.startswith("a.bin - 512.0 kB/512.0 kB - ")


def test_what_a_broken_download_brought_is_kept_for_the_next_run(source, tmp_path):
    source.breaks = [1000, 1000, 1000]
    arguments = {"fname": "a.bin", "origin": source.url + "a.bin", "file_hash": SHA256}
    with pytest.raises(ConnectionError):
        get_file(**arguments, cache_dir=tmp_path)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [".a.bin.part"]
    get_file(**arguments, cache_dir=tmp_path)
    assert source.requests[-1] == "bytes=3000-"
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["a.bin"]


@pytest.mark.parametrize("kept", [b"of another file", CONTENT + b"and more"])
def test_pieces_of_two_files_are_not_put_together(source, tmp_path, kept):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / ".a.bin.part").write_bytes(kept)
    path = get_file("a.bin", source.url + "a.bin", file_hash=SHA256, cache_dir=tmp_path)
    assert Path(path).read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out-of-the-folder.txt", "a/../../out.txt"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_do_not_write_outside_of_their_folder(source, tmp_path, name, kind):
    buffer = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    else:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, "")
    source.files["/evil.bin"] = buffer.getvalue()
    try:
        get_file("evil", source.url + "evil.bin", extract=True, cache_dir=tmp_path)
    except tarfile.FilterError:
        assert kind == "tar"
    assert not list(tmp_path.glob("out*"))
    assert not list((tmp_path / "datasets").glob("out*"))
    assert not Path("/tmp/out-of-the-folder.txt").exists()
