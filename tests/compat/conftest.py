"""Old programs are run by tests, not imported as if they were tests."""

collect_ignore_glob = ["packages/*.py", "programs/*.py", "programs_tf/*.py", "tensorflow_values.py"]
