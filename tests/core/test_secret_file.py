"""A file that is no text, or nested without end, is none; and nobody reads half of one."""

import threading

import pytest

from steering.machine.secret_file import read_secret, write_secret


@pytest.mark.parametrize("content", [b"\xff\xfe{}", b"\x00" * 40, b"[" * 100_000, b"{", b"[1]", b""])
def test_what_cannot_be_read_is_not_there(tmp_path, content):
    file = tmp_path / "beamline.json"
    file.write_bytes(content)
    assert read_secret(file) is None


def test_threads_that_write_at_once_are_not_in_each_others_way(tmp_path):
    file, failed = tmp_path / "beamline.json", []

    def write(number):
        try:
            for _ in range(50):
                write_secret(file, {"number": number, "text": str(number) * 5000})
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    content = read_secret(file)
    assert content is not None
    assert content["text"] == str(content["number"]) * 5000
    assert list(tmp_path.iterdir()) == [file]
