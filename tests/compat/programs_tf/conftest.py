"""The programs of this folder import tensorflow: they are run by test_tensorflow_programs.py."""

collect_ignore_glob = ["*.py"]
