import pytest

from mien import cli


def fail_with(monkeypatch, error):
    def raise_it(*_, **__):
        raise error

    monkeypatch.setattr(cli.cli, "main", raise_it)


def test_a_missing_system_library_is_one_line_with_its_remedy(monkeypatch, capsys):
    text = "libGL.so.1: cannot open shared object file: No such file or directory"
    fail_with(monkeypatch, ImportError(text))
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    captured = capsys.readouterr()
    assert exit_.value.code == 1 and captured.out == ""
    assert captured.err.count("\n") == 1 and "apt-get install libgl1" in captured.err


def test_a_broken_installation_keeps_its_traceback(monkeypatch):
    fail_with(monkeypatch, ImportError("No module named 'pyarrow'"))
    with pytest.raises(ImportError, match="pyarrow"):
        cli.main()
